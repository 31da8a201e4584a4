import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { AmcError, type Event } from "@amc/core"
import { beforeAll, expect, onTestFinished, test, vi } from "vitest"
import { type Capture, openCapture } from "./capture.ts"
import { sign } from "./config-examples.fixture.ts"
import { eventOf, withLedger } from "./ledger-reader.ts"
import { makeRun } from "./run.ts"
import { sessionTerms } from "./session-terms.fixture.ts"
import type { SessionResult, SessionTerms } from "./session-terms.ts"
import { runSession } from "./session.ts"
import { newPlace, now, type Place, reopened, temporaryFolder } from "./workspace.fixture.ts"

let place: Place
/** A place for temporary files of this test's own, since others count what is left in the system's. */
let scratch: string
beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "amc-test-"))
  vi.stubEnv("TMPDIR", scratch)
  place = await newPlace()
  return () => {
    vi.unstubAllEnvs()
    rmSync(scratch, { recursive: true })
  }
})

interface Ran {
  readonly result: SessionResult
  readonly events: readonly Event[]
}

async function ran(change: Partial<SessionTerms>): Promise<Ran> {
  const cwd = temporaryFolder()
  mkdirSync(join(cwd, "tests"))
  writeFileSync(join(cwd, "tests/check.js"), "process.exit(0)")
  const capture = await openCapture(reopened(place), { clock: () => now })
  let result: SessionResult
  try {
    result = await runSession(capture, sessionTerms({ cwd, ...change }))
  } finally {
    await capture.close()
  }
  const events = await withLedger(place.workspace, async (ledger) => {
    const found: Event[] = []
    for await (const { leaf } of ledger.events.read(place.workspace.lane, 0))
      found.push(eventOf(leaf))
    return found
  })
  return { result, events }
}

const check = "node tests/check.js"

test.each([
  { why: "shuts its work folder", script: "chmod 0 ." },
  { why: "shuts what is in it", script: "mkdir -p a/b; chmod 0 a/b a tests" },
  {
    why: "makes a tree deeper than a path can be long",
    script: `perl -e 'for (1..6000) { mkdir "d"; chdir "d" }'`,
  },
])(
  "an agent that $why is checked, sealed as exited, and nothing of it stays",
  async ({ script }) => {
    const { result, events } = await ran({ command: ["sh", "-c", script], check })
    expect(result).toMatchObject({ exitCode: 0, check: { verdict: "passed" } })
    expect(result.warnings).toEqual([expect.stringContaining("beside")])
    const [outcome, seal] = [events.findLast(isOf("outcome")), events.at(-1)]
    expect(outcome?.facts.measured).toMatchObject({ exit_code: 0, passed: true })
    expect(seal?.facts.measured).toMatchObject({ reason: "exited", posture: "measured" })
    expect(readdirSync(scratch).filter((name) => name.startsWith("amc-work-"))).toEqual([])
  },
)

test("a check that can't be run does not undo that the agent ran", async () => {
  const { result, events } = await ran({ check: "node tests/check.js '\0'" })
  expect(result.check.verdict).toBe("failed")
  expect(events.findLast(isOf("outcome"))?.facts.measured).toMatchObject({
    exit_code: 125,
    passed: false,
  })
  expect(events.at(-1)?.facts.measured).toMatchObject({ reason: "exited" })
})

test("what ran without a box is said of its session and of the whole workspace", async () => {
  const { result, events } = await ran({ driver: "none" })
  const [probe] = events.filter(isOf("sandbox_probe")).slice(-1)
  expect(probe).toMatchObject({ channel: "wrapper", session: events.at(-1)?.session })
  expect(result.reasons.at(-1)).toMatch(
    /^the probe in its place reached \d+ of \d+ things: file\.vault, file\.ledger, /,
  )
  const said = events
    .filter(isOf("audit"))
    .map(({ agent, facts: { measured } }) => [agent, measured])
    .filter(([, measured]) => (measured as { code: string }).code === "TRUST_BOUNDARY_VIOLATED")
  const session = events.at(-1)?.session
  expect(said).toEqual([
    ["a1", expect.objectContaining({ subject: session })],
    [
      "_system",
      expect.objectContaining({ subject: session, detail: expect.stringContaining("agent a1: ") }),
    ],
  ])
})

/** A place whose owner signed what the trust boundary is. */
async function declaring(mode: string): Promise<Place> {
  const other = await newPlace(Date.now)
  onTestFinished(() => rmSync(other.top, { recursive: true }))
  const { dir, workspace, lane } = other.workspace
  const text = `v: 1\nworkspace: ${workspace}\nlane: ${lane}\nsecurity: {trustBoundaryMode: ${mode}}\n`
  writeFileSync(join(dir, "amc.config.yaml"), text)
  await sign(other)
  return other
}

const boundaryCodes = [
  "TRUST_BOUNDARY_VIOLATED",
  "TRUST_BOUNDARY_SHARED",
  "CONFIG_CLAIM_CONTRADICTED",
]

test.each<{
  why: string
  mode: "isolated" | "shared"
  driver: SessionTerms["driver"]
  posture: string
  status: string
  codes: readonly string[]
}>([
  {
    why: "isolated, and the agent runs with no box",
    mode: "isolated",
    driver: "none",
    posture: "shared",
    status: "INVALID",
    codes: ["TRUST_BOUNDARY_VIOLATED", "CONFIG_CLAIM_CONTRADICTED"],
  },
  {
    why: "isolated, and the box is measured",
    mode: "isolated",
    driver: "bubblewrap",
    posture: "measured",
    status: "VALID",
    codes: [],
  },
  {
    why: "shared, and nothing is measured",
    mode: "shared",
    driver: "none",
    posture: "shared",
    status: "INVALID",
    codes: ["TRUST_BOUNDARY_SHARED", "TRUST_BOUNDARY_VIOLATED"],
  },
])("T4: the owner declares $why: $posture, $status", async ({ mode, driver, ...expected }) => {
  const other = await declaring(mode)
  const { result, report, codes } = await scoredOnce(other, driver)
  expect(result.posture).toBe(expected.posture)
  expect(report).toMatchObject({ posture: expected.posture, status: expected.status })
  expect(report.trust_label).not.toBe("HIGH TRUST")
  expect(codes).toEqual(expected.codes)
})

test("T4: nothing is declared by a config that is not the owner's word", async () => {
  const other = await declaring("isolated")
  writeFileSync(
    join(other.workspace.dir, "amc.config.yaml"),
    `${readFileSync(join(other.workspace.dir, "amc.config.yaml"), "utf8")}# edited\n`,
  )
  const { result, report } = await scoredOnce(other, "none")
  expect(result.posture).toBe("shared")
  expect(report).toMatchObject({ posture: "shared", status: "INVALID" })
})

test("T4: a session that nothing declares and nothing measures is shared", async () => {
  const other = await newPlace(Date.now)
  onTestFinished(() => rmSync(other.top, { recursive: true }))
  const { report, codes } = await scoredOnce(other, "none")
  expect(report).toMatchObject({ posture: "shared", status: "INVALID" })
  expect(codes).toEqual(["TRUST_BOUNDARY_VIOLATED"])
})

async function scoredOnce(other: Place, driver: SessionTerms["driver"]) {
  const capture = await openCapture(reopened(other), { clock: Date.now })
  try {
    const result = await runSession(capture, sessionTerms({ cwd: temporaryFolder(), driver }))
    const { report } = await makeRun(capture, { agent: "a1", windowDays: 14 })
    const codes = await withLedger(other.workspace, async ({ events }) => {
      const found: string[] = []
      for await (const { leaf } of events.readType("main", "audit")) {
        const event = eventOf(leaf)
        if (event.type === "audit" && event.session !== null) found.push(event.facts.measured.code)
      }
      return found.filter((code) => boundaryCodes.includes(code))
    })
    return { result, report, codes }
  } finally {
    await capture.close()
  }
}

test("an agent whose box can't be recorded is not started, and its box does not stay", async () => {
  const cwd = temporaryFolder()
  const capture = await openCapture(reopened(place), { clock: () => now })
  const failing: Capture = {
    ...capture,
    audit: async (code, ...rest) => {
      if (code === "SANDBOX_EXECUTION_ENABLED")
        throw new AmcError("store/unavailable", "the disk is full")
      return capture.audit(code, ...rest)
    },
  }
  const work = join(cwd, "work")
  mkdirSync(work, { mode: 0o777 })
  const terms = sessionTerms({ cwd, work, command: ["touch", "started"], echo: {} })
  await expect(runSession(failing, terms)).rejects.toMatchObject({ code: "store/unavailable" })
  await capture.close()
  expect(readdirSync(work)).toEqual([])
  expect(readdirSync(scratch).filter((name) => name.startsWith("amc-work-"))).toEqual([])
  const seal = await withLedger(place.workspace, async ({ events }) => {
    const seals: Event[] = []
    for await (const { leaf } of events.readType(place.workspace.lane, "session_seal"))
      seals.push(eventOf(leaf))
    return seals.at(-1)
  })
  expect(seal?.facts.measured).toMatchObject({ posture: "shared" })
  const last = await startedIn(seal?.session ?? "")
  expect(last).toEqual([])
})

/** The events of a session that say that its agent ran. */
function startedIn(session: string): Promise<readonly Event[]> {
  return withLedger(place.workspace, async ({ events }) => {
    const found: Event[] = []
    for await (const { leaf } of events.readSession(place.workspace.lane, session))
      found.push(eventOf(leaf))
    return found.filter(isOf("agent_process_started"))
  })
}

function isOf(type: Event["type"]): (event: Event) => boolean {
  return (event) => event.type === type
}
