import { execFileSync } from "node:child_process"
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { PassThrough } from "node:stream"
import type { Event } from "@amc/core"
import type { Report } from "@amc/score"
import { expect, onTestFinished, test } from "vitest"
import { type Capture, openCapture } from "./capture.ts"
import { sign } from "./config-examples.fixture.ts"
import { eventOf, withLedger } from "./ledger-reader.ts"
import { makeRun } from "./run.ts"
import { sessionTerms } from "./session-terms.fixture.ts"
import type { SessionResult, SessionTerms } from "./session-terms.ts"
import { runSession } from "./session.ts"
import { newPlace, type Place, reopened, temporaryFolder } from "./workspace.fixture.ts"

const isRoot = process.getuid?.() === 0

/** A place whose owner signed that agents are isolated. */
async function isolatedPlace(): Promise<Place> {
  const place = await newPlace(Date.now)
  onTestFinished(() => rmSync(place.top, { recursive: true }))
  const { dir, workspace, lane } = place.workspace
  const text = `v: 1\nworkspace: ${workspace}\nlane: ${lane}\nsecurity: {trustBoundaryMode: isolated}\n`
  writeFileSync(join(dir, "amc.config.yaml"), text)
  await sign(place)
  return place
}

interface Ran {
  readonly result: SessionResult | { readonly code: string }
  readonly report: Report
  readonly events: readonly Event[]
  /** The codes of the session's audits, in order. */
  readonly codes: readonly string[]
}

async function ran(
  place: Place,
  change: Partial<SessionTerms> = {},
  onAudit: (code: string) => void = () => {},
): Promise<Ran> {
  const opened = await openCapture(reopened(place), { clock: Date.now })
  const audit: Capture["audit"] = (code, ...rest) => {
    onAudit(code)
    return opened.audit(code, ...rest)
  }
  const capture = { ...opened, audit }
  try {
    const terms = sessionTerms({ cwd: temporaryFolder(), ...change })
    const result = await runSession(capture, terms).catch((error: { code: string }) => error)
    const { report } = await makeRun(capture, { agent: "a1", windowDays: 14 })
    const events = await withLedger(place.workspace, async (ledger) => {
      const found: Event[] = []
      for await (const { leaf } of ledger.events.read(place.workspace.lane, 0))
        found.push(eventOf(leaf))
      return found.filter(({ agent, session }) => agent === "a1" && session !== null)
    })
    const codes = events.flatMap((event) =>
      event.type === "audit" ? [event.facts.measured.code] : [],
    )
    return { result, report, events, codes }
  } finally {
    await capture.close()
  }
}

const typesOf = ({ events }: Ran): readonly string[] => events.map(({ type }) => type)
const sealOf = ({ events }: Ran): unknown =>
  events.findLast(({ type }) => type === "session_seal")?.facts.measured

test("a box that holds: the agent is enabled after the probe, started after that, and sealed as hardened", async () => {
  const all = await ran(await isolatedPlace())
  expect(all.codes).toEqual(["SANDBOX_EXECUTION_ENABLED"])
  const order = ["sandbox_plan", "sandbox_probe", "audit", "agent_process_started", "sandbox_watch"]
  expect(typesOf(all).filter((type) => order.includes(type))).toEqual(order)
  expect(sealOf(all)).toMatchObject({ posture: "measured", hardened: isRoot })
  expect(all.report.status).toBe("VALID")
})

/** Lays the root slot's passphrase open, in a folder that the agent's program lies in. */
function layOpen({ top, workspace: { state, workspace } }: Place): readonly string[] {
  writeFileSync(join(top, "package.json"), "{}")
  writeFileSync(join(top, "agent.js"), "")
  const file = state.passphrasePath(workspace, "root")
  for (let folder = dirname(file); folder.startsWith(top); folder = dirname(folder))
    chmodSync(folder, 0o755)
  chmodSync(file, 0o644)
  chmodSync(join(top, "home"), 0o755)
  return ["node", join(top, "agent.js")]
}

test("T3, T4: a box that shows a passphrase is refused, the owner's word is contradicted, and no agent is enabled or started", async () => {
  const place = await isolatedPlace()
  const all = await ran(place, { command: layOpen(place) })
  expect(all.result).toMatchObject({
    code: "sandbox/probe-failed",
    message: "the box does not hold: file.passphrase_root was reached",
  })
  expect(all.codes).toEqual(["TRUST_BOUNDARY_SHARED", "CONFIG_CLAIM_CONTRADICTED"])
  expect(typesOf(all)).toContain("sandbox_probe")
  expect(typesOf(all)).not.toContain("agent_process_started")
  expect(sealOf(all)).toMatchObject({ reason: "probe-failed", posture: "shared", hardened: false })
})

test("T3: an agent that ran where the keys were makes the run INVALID, with the violation said first", async () => {
  const { report, codes } = await ran(await isolatedPlace(), { driver: "none" })
  expect(codes).toEqual(["TRUST_BOUNDARY_VIOLATED", "CONFIG_CLAIM_CONTRADICTED"])
  expect(report).toMatchObject({ status: "INVALID", posture: "shared", trust_label: "UNRELIABLE" })
  expect(report.status_reasons[0]).toMatch(/^the trust boundary was violated in /)
  expect(report.status_reasons.length).toBeGreaterThan(1)
})

/** The pid of the agent that has the word on its command line. */
function pidOf(word: string): number {
  const found = readdirSync("/proc").find((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0").includes(word)
    } catch {
      return false
    }
  })
  return Number(found ?? 0)
}

test("T5: a box that changes while the agent runs is a drift: said at once, shared, not hardened, INVALID", async (context) => {
  if (!isRoot) return context.skip("mounts of a box can be changed by root alone")
  const word = `drift-${process.pid}`
  const stdin = new PassThrough()
  const stdout = (): void => {
    const enter = ["--mount", "--target", String(pidOf(word)), "--"]
    execFileSync("nsenter", [...enter, "mount", "-t", "tmpfs", "none", "/tmp"])
  }
  // The agent goes on until it was seen, so that it is the watch that sees it.
  const onAudit = (code: string): void => {
    if (code === "TRUST_BOUNDARY_DRIFT") stdin.end()
  }
  const command = ["sh", "-c", "echo started; cat; :", word]
  const all = await ran(await isolatedPlace(), { command, stdin, echo: { stdout } }, onAudit)
  expect(all.codes).toEqual(["SANDBOX_EXECUTION_ENABLED", "TRUST_BOUNDARY_DRIFT"])
  expect(all.result).toMatchObject({
    exitCode: 0,
    posture: "shared",
    hardened: false,
    reasons: [expect.stringMatching(/^mounts is \d+ and was \d+$/)],
  })
  expect(sealOf(all)).toMatchObject({ posture: "shared", hardened: false })
  expect(all.report).toMatchObject({ status: "INVALID", posture: "shared" })
  return undefined
})
