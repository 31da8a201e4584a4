import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { sha256Hex, systemAgent, utf8 } from "@amc/core"
import { beforeAll, expect, test } from "vitest"
import { changedLines } from "./changed-lines.ts"
import { openCapture } from "./capture.ts"
import { exampleConfigs, sign, write } from "./config-examples.fixture.ts"
import { readConfigRecord } from "./config-history.ts"
import { planSigning, type SigningPlan } from "./config-signing.ts"
import { effectiveValues } from "./config-values.ts"
import { loadGatewayConfig } from "./gateway-config.ts"
import { makeRun } from "./run.ts"
import { verifyStoredRun } from "./verify-run.ts"
import { copyOf, newPlace, type Place, reopened } from "./workspace.fixture.ts"
import { verifyWorkspace } from "./verify-workspace.ts"

const clock = Date.now
const users = exampleConfigs("").get("users.yaml")!

let base: Place
beforeAll(async () => {
  base = await newPlace(clock)
  write(base, "users.yaml", users)
  await sign(base)
  return () => rmSync(base.top, { recursive: true })
})

function plan(place: Place, ...paths: readonly string[]): Promise<readonly SigningPlan[]> {
  return planSigning(reopened(place), { paths, expiresDays: null, clock })
}

test("what is signed already is left alone, unless it is named", async () => {
  const place = copyOf(base)
  expect(await plan(place)).toEqual([])
  expect(await plan(place, "users.yaml")).toMatchObject([
    { path: "users.yaml", version: 2, sha256: sha256Hex(utf8(users)), changes: [] },
  ])
})

test("a plan shows what changed since the last signed bytes, and writes nothing", async () => {
  const place = copyOf(base)
  write(place, "users.yaml", users.replace("OWNER", "VIEWER"))
  write(place, "fleet.yaml", "v: 1\nagents: []\n")
  const planned = await plan(place)
  expect(planned.map(({ path, version, changes }) => [path, version, changes])).toEqual([
    ["fleet.yaml", 1, null],
    [
      "users.yaml",
      2,
      ["- users: [{name: ann, role: OWNER}]", "+ users: [{name: ann, role: VIEWER}]"],
    ],
  ])
  expect(existsSync(join(place.workspace.dir, "fleet.yaml.sig"))).toBe(false)
})

test("a copy of what was signed that was edited is no memory of it", async () => {
  const place = copyOf(base)
  const [last] = await plan(place, "users.yaml")
  writeFileSync(join(place.workspace.dir, "signed", last!.sha256), "v: 1\nusers: []\n")
  write(place, "users.yaml", users.replace("OWNER", "VIEWER"))
  expect(await plan(place)).toMatchObject([{ path: "users.yaml", version: 2, changes: null }])
})

test.each([
  { why: "its signature is gone", harm: (file: string) => rmSync(`${file}.sig`), version: 3 },
  { why: "it was edited", harm: (file: string) => writeFileSync(file, users + "\n"), version: 3 },
  {
    why: "the ledger does not know it yet",
    harm: (file: string) => rmSync(join(file, "../ledger"), { recursive: true }),
    version: 3,
  },
])("the version goes on where $why", async ({ harm, version }) => {
  const place = copyOf(base)
  await sign(place, "users.yaml")
  harm(join(place.workspace.dir, "users.yaml"))
  expect(await plan(place, "users.yaml")).toMatchObject([{ version }])
})

test.each([
  { why: "a file of no kind", path: "other.yaml", text: "v: 1\n", code: "usage/invalid" },
  { why: "one that is not there", path: "fleet.yaml", text: null, code: "workspace/missing" },
  { why: "one that says nothing", path: "fleet.yaml", text: "v: 1\n", code: "input/malformed" },
  {
    why: "S17: one with a key twice",
    path: "users.yaml",
    text: `${users}v: 1\n`,
    code: "input/malformed",
  },
  {
    why: "S17: one with a byte order mark",
    path: "users.yaml",
    text: `\uFEFF${users}`,
    code: "input/malformed",
  },
  {
    why: "S17: one with an alias",
    path: "users.yaml",
    text: "v: 1\nusers: [{name: &a ann, role: OWNER}, {name: *a, role: AGENT}]\n",
    code: "input/malformed",
  },
  {
    why: "another workspace's config",
    path: "amc.config.yaml",
    text: exampleConfigs("ws-other").get("amc.config.yaml")!,
    code: "input/malformed",
  },
  {
    why: "a config of a lane without a key",
    path: "amc.config.yaml",
    text: "v: 1\nworkspace: ws-1\nlane: other\n",
    code: "input/malformed",
  },
])("nobody signs $why", async ({ path, text, code }) => {
  const place = copyOf(base)
  const own = reopened(place)
  if (text !== null) write(place, path, text.replace("ws-1", own.workspace))
  const planning = planSigning(own, { paths: [path], expiresDays: null, clock })
  await expect(planning).rejects.toMatchObject({ code })
})

test("a signature that expires does not count after its day, and says so", async () => {
  const place = copyOf(base)
  const [planned] = await planSigning(reopened(place), {
    paths: ["users.yaml"],
    expiresDays: 3,
    clock: () => 1_800_000_000_000,
  })
  expect(planned?.expiresMs).toBe(1_800_000_000_000 + 3 * 86_400_000)
})

/** What the monitor's key alone can say. */
async function declareByMonitor(place: Place, version: number): Promise<void> {
  const capture = await openCapture(reopened(place), { clock })
  try {
    const { sha256 } = loadGatewayConfig(reopened(place), clock())
    await capture.recorder.record({
      type: "config_change",
      channel: "recorder",
      agent: systemAgent,
      session: null,
      facts: {
        measured: { path: "gateway.yaml", sha256, version, role: "auditor" },
        reported: {},
      },
    })
  } finally {
    await capture.close()
  }
}

test("a change that the monitor alone declares repairs nothing, puts nothing in force, and is found", async () => {
  const place = copyOf(base)
  const file = join(place.workspace.dir, "gateway.yaml")
  const good = readFileSync(file)
  writeFileSync(file, "v: 1\nproviders: []\n")
  await declareByMonitor(place, 9)
  const { history, unrepaired } = await readConfigRecord(place.workspace)
  expect(history.get("gateway.yaml")?.version).toBe(1)
  expect(unrepaired).toEqual(new Set(["gateway.yaml"]))
  writeFileSync(file, good)
  const capture = await openCapture(reopened(place), { clock })
  const { stored } = await makeRun(capture, { agent: "a1", windowDays: 14 }).finally(() =>
    capture.close(),
  )
  expect(await verifyStoredRun(reopened(place), stored.runId)).toMatchObject({
    findings: [{ code: "ledger/config-change" }],
  })
  const verdict = await verifyWorkspace(place.folder, place.workspace.state, {
    clock,
    progress: () => undefined,
  })
  expect(verdict).toMatchObject({
    findings: [{ code: "ledger/config-change", tampered: false }, { code: "ledger/config-change" }],
  })
})

test("what counts is shown with its origin", async () => {
  const place = copyOf(base)
  const { dir } = place.workspace
  const shown = async (): Promise<Record<string, readonly unknown[]>> => {
    const values = await effectiveValues(reopened(place), clock())
    return Object.fromEntries(
      values.map(({ path, key, value, origin }) => [`${path} ${key}`, [value, origin]]),
    )
  }
  expect(await shown()).toMatchObject({
    "amc.config.yaml security.trustBoundaryMode": [null, "measured decides"],
    "gateway.yaml providers.0.id": ["openai", "gateway.yaml, version 1, signed"],
    "gateway.yaml providers.0.auth": ["bearer", "default"],
    "users.yaml users.0.role": ["OWNER", "users.yaml, version 1, signed"],
  })
  const config = join(dir, "amc.config.yaml")
  writeFileSync(config, `${readFileSync(config, "utf8")}security: {trustBoundaryMode: isolated}\n`)
  copyFileSync(join(dir, "gateway.yaml"), join(dir, "users.yaml"))
  const limits = "{max_calls: 9000, max_seconds: 60, memory_mib: 256, pids: 64}"
  write(place, "agents/a1/agent.config.yaml", `v: 1\nagent: a1\nlimits: ${limits}\n`)
  expect(await shown()).toMatchObject({
    "amc.config.yaml security.trustBoundaryMode": [
      "shared",
      "in place of amc.config.yaml, CONFIG_SIGNATURE_INVALID",
    ],
    "users.yaml ": [null, expect.stringContaining("about other bytes")],
    "agents/a1/agent.config.yaml limits.max_calls": [
      200,
      "in place of agents/a1/agent.config.yaml, CONFIG_UNSIGNED",
    ],
    "agents/a1/agent.config.yaml limits.pids": [64, "agents/a1/agent.config.yaml, CONFIG_UNSIGNED"],
  })
})

test.each([
  { before: "a\nb\nc", after: "a\nB\nc", changes: ["- b", "+ B"] },
  { before: "a", after: "a", changes: [] },
  { before: "", after: "a", changes: ["- ", "+ a"] },
  { before: "a\nc", after: "a\nb\nc", changes: ["+ b"] },
  { before: "a\na\na", after: "a\na", changes: ["- a"] },
])("tells what changed from '$before' to '$after'", ({ before, after, changes }) => {
  expect(changedLines(utf8(before), utf8(after))).toEqual(changes)
})
