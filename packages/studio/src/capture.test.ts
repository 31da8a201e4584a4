import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type Event, workspaceConfigSchema } from "@amc/core"
import { beforeAll, expect, onTestFinished, test, vi } from "vitest"
import { type Capture, openCapture } from "./capture.ts"
import { eventOf, withLedger } from "./ledger-reader.ts"
import { withNotary } from "./notary-session.ts"
import { addProvider } from "./provider.ts"
import { makeRun, type SealedRun } from "./run.ts"
import { loadRun, openStoredRun } from "./run-store.ts"
import { agentLimits } from "./score-agent.ts"
import { exampleProvider, sessionTerms } from "./session-terms.fixture.ts"
import { runSession } from "./session.ts"
import { writeConfig } from "./signed-config.ts"
import {
  copyOf,
  newPlace,
  now,
  type Place,
  reopened,
  temporaryFolder,
} from "./workspace.fixture.ts"
import { type Workspace, workspaceConfigPath } from "./workspace.ts"

const clock = (): number => now

/** A workspace after a first capture: its config is in the ledger as version 1. */
let used: Place

beforeAll(async () => {
  used = await newPlace()
  await captured(used, async (capture) => void (await agentLimits(capture, "a1")))
  return () => rmSync(used.top, { recursive: true })
})

async function captured<T>(place: Place, use: (capture: Capture) => Promise<T>): Promise<T> {
  const capture = await openCapture(reopened(place), { clock })
  try {
    return await use(capture)
  } finally {
    await capture.close()
  }
}

function eventsOf(workspace: Workspace): Promise<Event[]> {
  return withLedger(workspace, async ({ events }) => {
    const found: Event[] = []
    for await (const { leaf } of events.read(workspace.lane, 0)) found.push(eventOf(leaf))
    return found
  })
}

async function auditsOf(workspace: Workspace): Promise<[string, string][]> {
  const audits = (await eventsOf(workspace)).filter((event) => event.type === "audit")
  return audits.map(({ facts: { measured } }) => [measured.code, measured.subject])
}

function scored(place: Place): Promise<SealedRun> {
  return captured(place, (capture) => makeRun(capture, { agent: "a1", windowDays: 14 }))
}

test("the first capture records keys, config and vault", async () => {
  const told = (await eventsOf(used.workspace)).map(({ type, agent, facts }) => {
    const { role = "", path = "" } = facts.measured as { role?: string; path?: string }
    return [agent, type, path === "" ? role : path]
  })
  expect(told).toEqual([
    ...["root", "monitor", "ledger", "auditor", "release"].map((role) => [
      "_system",
      "key_change",
      role,
    ]),
    ["_system", "config_change", "amc.config.yaml"],
    ["_system", "config_change", "gateway.yaml"],
    ["_system", "vault_generation", ""],
    ["_system", "config_change", "agents/a1/agent.config.yaml"],
  ])
})

test("a later capture records the vault alone, and a second one beside it is refused", async () => {
  const place = copyOf(used)
  const before = await eventsOf(place.workspace)
  await captured(place, async (capture) => {
    expect((await agentLimits(capture, "a1")).max_calls).toBeGreaterThan(0)
    const second = openCapture(place.workspace, { clock })
    await expect(second).rejects.toMatchObject({ code: "ledger/lane-taken" })
  })
  const later = (await eventsOf(place.workspace)).slice(before.length)
  expect(later.map(({ type }) => type)).toEqual(["vault_generation"])
})

test("a capture that can't begin gives everything back", async () => {
  const place = copyOf(used)
  const file = join(place.workspace.dir, "gateway.yaml")
  const good = readFileSync(file)
  writeFileSync(file, "providers: [")
  const opening = openCapture(place.workspace, { clock })
  await expect(opening).rejects.toMatchObject({ code: "input/malformed" })
  writeFileSync(file, good)
  await captured(place, async (capture) => expect(capture.gatewayConfig.flaw).toBeNull())
})

test("a capture without its passphrase is refused and leaves nothing behind", async () => {
  const place = copyOf(used)
  const { workspace } = place
  rmSync(workspace.state.passphrasePath(workspace.workspace, "auditor"))
  // Other processes make such folders beside it in the common one.
  const folder = temporaryFolder()
  vi.stubEnv("TMPDIR", folder)
  onTestFinished(() => void vi.unstubAllEnvs())
  const opening = openCapture(workspace, { clock })
  await expect(opening).rejects.toMatchObject({ code: "vault/locked" })
  expect(readdirSync(folder)).toEqual([])
})

test.each<{ why: string; change: (dir: string) => void }>([
  {
    why: "was edited",
    change: (dir) => writeFileSync(join(dir, "gateway.yaml"), "v: 1\nproviders: []\n"),
  },
  { why: "has lost its signature", change: (dir) => rmSync(join(dir, "gateway.yaml.sig")) },
])("a gateway.yaml that $why is audited, and holds every level down", async ({ change }) => {
  const place = copyOf(used)
  change(place.workspace.dir)
  const { report } = await scored(place)
  expect(await auditsOf(place.workspace)).toEqual(brokenGateway)
  expect(report.questions.length).toBeGreaterThan(5)
  for (const { cap } of report.questions) expect(cap?.level).toBeLessThanOrEqual(3)
  expect(report.trust_label).not.toBe("HIGH TRUST")
})

const brokenGateway = [
  ["CONFIG_SIGNATURE_INVALID", "gateway.yaml"],
  ["CONFIG_UNSIGNED", "gateway.yaml"],
]

test("an older config that is put back is audited, the next signed one repairs it, and no edited report passes for its run", async () => {
  const place = copyOf(used)
  const { dir } = place.workspace
  const names = ["gateway.yaml", "gateway.yaml.sig"]
  for (const name of names) copyFileSync(join(dir, name), join(place.top, name))
  const provider = exampleProvider
  const add = (id: string, replace = false): Promise<{ version: number }> =>
    addProvider(reopened(place), { provider: { ...provider, id }, key: null, replace, clock })
  expect(await add("second")).toMatchObject({ version: 2 })
  expect(await auditsOf(place.workspace)).toEqual([])
  for (const name of names) copyFileSync(join(place.top, name), join(dir, name))
  expect(await add("third", true)).toMatchObject({ version: 3 })
  expect(await auditsOf(place.workspace)).toEqual(brokenGateway)
  const { stored, report } = await scored(place)
  for (const { cap } of report.questions) expect(cap).toBeNull()
  expectNoEditedReport(place, stored.runId)
})

/** What was sealed is shown; what was edited since is not shown as the run. */
function expectNoEditedReport({ workspace: { dir, keyring } }: Place, runId: string): void {
  expect(openStoredRun(loadRun(dir, runId), keyring).report.agent).toBe("a1")
  const file = join(dir, "runs", runId, "report.json")
  writeFileSync(file, readFileSync(file, "utf8").replace('"agent":"a1"', '"agent":"a2"'))
  expect(() => openStoredRun(loadRun(dir, runId), keyring)).toThrow(
    expect.objectContaining({ code: "store/damaged" }),
  )
}

test("what the owner declares shared is sealed as shared, though the box held", async () => {
  const place = copyOf(used)
  await withNotary(place.workspace, async (notary) => {
    const { workspace, lane } = place.workspace
    const source = `v: 1\nworkspace: ${workspace}\nlane: ${lane}\nsecurity:\n  trustBoundaryMode: shared\n`
    await writeConfig(place.workspace, workspaceConfigPath, source, workspaceConfigSchema, notary)
  })
  const { result, report } = await captured(place, async (capture) => ({
    result: await runSession(capture, sessionTerms({ cwd: place.folder })),
    report: (await makeRun(capture, { agent: "a1", windowDays: 14 })).report,
  }))
  expect(result).toMatchObject({ exitCode: 0, posture: "shared", hardened: false })
  const events = await eventsOf(place.workspace)
  const [seal] = events.filter((event) => event.type === "session_seal")
  expect(seal?.facts.measured).toMatchObject({
    reason: "exited",
    posture: "shared",
    hardened: false,
  })
  expect(events.filter(({ type }) => type === "sandbox_probe")).toHaveLength(1)
  const codes = (await auditsOf(place.workspace)).map(([code]) => code)
  expect(codes).toEqual(["TRUST_BOUNDARY_SHARED", "SANDBOX_EXECUTION_ENABLED"])
  expect(report.status).toBe("INVALID")
})
