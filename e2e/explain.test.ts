import { afterAll, beforeAll, expect, test, vi } from "vitest"
import { amc, amcJson } from "./testing/amc.ts"
import { makeWorkspace, type TestWorkspace } from "./testing/workspace.ts"

vi.setConfig({ testTimeout: 180_000 })

let own: TestWorkspace
const runs: string[] = []

/** A workspace with an agent that was scored once and reported on again. */
beforeAll(async () => {
  own = await makeWorkspace()
  own.write(
    "agent.mjs",
    'await fetch(process.env.OPENAI_BASE_URL + "/models", { headers: { authorization: "Bearer " + process.env.OPENAI_API_KEY } })',
  )
  const words = ["score", "--agent", "a", "--provider", "scripted", "--sessions", "1", "--"]
  const scored = await amcJson(own, [...words, "node", "agent.mjs"])
  const again = await amcJson(own, ["run", "--agent", "a"])
  runs.push(scored.data.report.run_id, again.data.report.run_id)
}, 240_000)

afterAll(() => own?.close())

test("explains a question of the last run unit by unit, and each unit names an event that can be looked at", async () => {
  const { exit, data } = await amcJson(own, ["run", "explain", "RES-09", "--agent", "a"])
  expect(exit).toBe(0)
  expect(data).toMatchObject({
    run_id: runs[1],
    explanation: {
      level: 0,
      binding_gate: "sessions",
      clean_to_next: 2,
      units: [{ outcome: "pass" }],
    },
  })
  const [hash] = data.explanation.units[0].events
  expect((await amcJson(own, ["ledger", "show", hash])).data.event.type).toBe("session_seal")
  const shown = await amc(own, ["run", "explain", "RES-09", "--run", runs[0]!])
  expect(shown.stdout).toContain("2 more clean sessions and none that fails reach the next level")
  expect(shown.stdout).toMatch(/level 1 {2}1 of 3 sessions/)
})

test("refuses a question that is not asked, and a run that is not there", async () => {
  expect(await amcJson(own, ["run", "explain", "RES-07"])).toMatchObject({
    findings: [{ code: "score/unknown-question" }],
  })
  expect(await amcJson(own, ["run", "explain", "RES-09", "--agent", "b"])).toMatchObject({
    findings: [{ code: "run/unknown" }],
  })
})

test("compares two runs: the same evidence gives the same levels", async () => {
  const { exit, data } = await amcJson(own, ["run", "diff", ...runs])
  expect(exit).toBe(0)
  expect(data.diff.overall.from).toBe(data.diff.overall.to)
})

test("S3: a target is signed, shown, and compared with the last run", async () => {
  const set = ["target", "set", "--agent", "a", "--layer", "Skills=1", "--question", "RES-09=1"]
  expect((await amcJson(own, set)).data).toMatchObject({ path: "targets/a.yaml", version: 1 })
  expect(await amcJson(own, ["target", "show", "a"])).toMatchObject({
    exit: 0,
    data: { flaw: null, target: { layers: { Skills: 1 }, questions: { "RES-09": 1 } } },
  })
  const { data } = await amcJson(own, ["target", "diff", "a"])
  expect(data.gaps.map(({ id, level, target }: Gap) => [id, level, target])).toEqual([
    ["RES-09", 0, 1],
    ["SK-02", "U", 1],
  ])
  expect(data.gaps[0].next).toContain("1 of 3 sessions")
})

test("a run is held to the target: 1 where a level is not reached, 0 where all are", async () => {
  const short = await amcJson(own, ["run", "--agent", "a", "--target"])
  expect(short).toMatchObject({ exit: 1, data: { report: { status: "VALID" } } })
  expect(short.data.gaps.map(({ id }: Gap) => id)).toEqual(["RES-09", "SK-02"])
  await amcJson(own, ["target", "set", "--agent", "a", "--question", "RES-09=0"])
  const reached = await amc(own, ["run", "--agent", "a", "--target"])
  expect(reached.stdout).toContain("the target is reached")
  expect(reached.exit).toBe(0)
})

test("T2: a target that somebody else changed is nobody's", async () => {
  own.write(".amc/targets/a.yaml", "v: 1\nagent: a\nlayers: {Skills: 0}\n")
  expect(await amcJson(own, ["target", "show", "a"])).toMatchObject({
    exit: 1,
    data: { flaw: { code: "CONFIG_SIGNATURE_INVALID" } },
  })
  const before = (await amcJson(own, ["run", "list"])).data
  expect(await amcJson(own, ["run", "--agent", "a", "--target"])).toMatchObject({
    ok: false,
    findings: [{ code: "input/malformed" }],
  })
  expect((await amcJson(own, ["run", "list"])).data).toEqual(before)
  expect(await amcJson(own, ["target", "diff", "a"])).toMatchObject({
    ok: false,
    findings: [{ code: "input/malformed" }],
  })
})

interface Gap {
  readonly id: string
  readonly level: unknown
  readonly target: number
}
