import { readdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test, vi } from "vitest"
import { amc, amcJson, clone, startAmc } from "./testing/amc.ts"
import { eventsOf, measuredOf } from "./testing/evidence.ts"
import { startUpstream, type Upstream } from "./testing/upstream.ts"
import { addProvider, makeWorkspace, type TestWorkspace } from "./testing/workspace.ts"

vi.setConfig({ testTimeout: 240_000 })

let own: TestWorkspace
let silent: Upstream

beforeAll(async () => {
  own = await makeWorkspace()
  silent = await startUpstream(() => undefined)
  await addProvider(own, "silent", silent)
}, 240_000)

afterAll(async () => {
  await silent?.close()
  await own?.close()
})

test("after kill -9 recover closes what was open and says what; then nothing is open any more (L7)", async () => {
  const client = ["node", join(clone, "e2e/agents/bad-client.ts"), "wait"]
  const words = ["score", "--agent", "killed", "--provider", "silent", "--sessions", "1"]
  const { child, ended } = startAmc(own, [...words, "--", ...client])
  await expect.poll(() => silent.arrived.length, { timeout: 180_000 }).toBe(1)
  const busy = await amcJson(own, ["ledger", "recover"])
  expect(busy).toMatchObject({ exit: 3, findings: [{ code: "ledger/lane-taken" }] })
  child.kill("SIGKILL")
  await ended
  const before = (await eventsOf(own.dir)).length
  const recovered = await amcJson(own, ["ledger", "recover"])
  expect(recovered).toMatchObject({
    exit: 0,
    data: { sessions: [{ agent: "killed", calls: [expect.any(String)] }], configs: [] },
  })
  const events = await eventsOf(own.dir)
  expect(events.length).toBeGreaterThan(before)
  const numbers = recovered.data.events as readonly number[]
  expect(numbers.map((lseq) => events[lseq]?.event.type)).toEqual([
    "llm_response",
    "gap",
    "session_seal",
  ])
  expect(measuredOf(events, "session_seal", "killed")).toMatchObject([{ reason: "recovered" }])
  expect(await amcJson(own, ["verify"])).toMatchObject({ exit: 0 })
  const again = await amcJson(own, ["ledger", "recover"])
  expect(again).toMatchObject({ exit: 0, data: { sessions: [], events: [] } })
  expect((await amc(own, ["ledger", "recover"])).stdout).toMatch(/^nothing is open\n/u)
  expect(await eventsOf(own.dir)).toHaveLength(events.length)
})

test("a report says that the monitor measured a recovered session until it died itself, in each form", async () => {
  const made = await amcJson(own, ["run", "--agent", "killed"])
  expect(made).toMatchObject({ exit: 0, data: { report: { status: "VALID" } } })
  const reason =
    "the monitor measured in each of 1 session that the agent could not reach its keys, in 1 of them only until it died itself"
  for (const format of ["text", "json", "markdown", "html"]) {
    const words = ["run", "report", made.data.report.run_id as string, "--format", format]
    expect((await amc(own, words)).stdout, format).toContain(reason)
  }
})

test("recover finishes the signing of a config that a crash cut short", async () => {
  const path = join(own.dir, "retention.yaml")
  writeFileSync(path, "v: 1\ndays: {llm_request: 30}\n")
  writeFileSync(`${path}.sig.next`, "half")
  expect(await amcJson(own, ["ledger", "recover"])).toMatchObject({
    exit: 0,
    data: { configs: ["retention.yaml"] },
  })
  expect(readdirSync(own.dir)).not.toContain("retention.yaml.sig.next")
  rmSync(path)
})

test("prune asks for a signed policy, and with one says what is old enough", async () => {
  const none = await amcJson(own, ["ledger", "prune", "--dry-run"])
  expect(none).toMatchObject({
    exit: 3,
    findings: [{ code: "ledger/no-retention", next: expect.stringContaining("config sign") }],
  })
  writeFileSync(join(own.dir, "retention.yaml"), "v: 1\ndays: {llm_request: 30}\n")
  expect(await amcJson(own, ["ledger", "prune"])).toMatchObject({ exit: 3 })
  expect((await amc(own, ["config", "sign", "retention.yaml"])).exit).toBe(0)
  const nothing = { events: 0, payloads: 0, bytes: 0, shared: 0, policy: { version: 1 } }
  for (const words of [
    ["ledger", "prune", "--dry-run"],
    ["ledger", "prune"],
  ])
    expect(await amcJson(own, words)).toMatchObject({ exit: 0, data: nothing })
  expect(measuredOf(await eventsOf(own.dir), "payload_prune")).toEqual([])
  expect(await amcJson(own, ["verify"])).toMatchObject({ exit: 0, data: { pruned: 0 } })
})
