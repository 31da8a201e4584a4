import { copyFileSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test, vi } from "vitest"
import { amc, amcJson } from "./testing/amc.ts"
import { makeWorkspace, type TestWorkspace } from "./testing/workspace.ts"

vi.setConfig({ testTimeout: 240_000 })

let own: TestWorkspace
let [first, second] = ["", ""]

/** Two runs of one agent, the second with sessions more. */
beforeAll(async () => {
  own = await makeWorkspace()
  own.write(
    "agent.mjs",
    `await fetch(process.env.OPENAI_BASE_URL + "/models", { headers: { authorization: "Bearer " + process.env.OPENAI_API_KEY } }); console.log("said")`,
  )
  ;[first, second] = [await scored(), await scored()]
}, 300_000)

afterAll(() => own?.close())

async function scored(): Promise<string> {
  const who = ["--agent", "a", "--provider", "scripted", "--sessions", "1"]
  const { data, stderr, exit } = await amcJson(own, ["score", ...who, "--", "node", "agent.mjs"])
  expect(exit, stderr).toBe(0)
  return data.report.run_id as string
}

async function exported(runId: string, name: string, ...more: string[]): Promise<string> {
  const out = join(own.top, name)
  const words = ["bundle", "export", "--agent", "a", "--run", runId, "--out", out, ...more]
  const { exit, stderr } = await amcJson(own, words)
  expect(exit, stderr).toBe(0)
  return out
}

const verify = (file: string): ReturnType<typeof amcJson> =>
  amcJson(own, ["bundle", "verify", file, "--root", own.root])

test("a bundle with its payloads and one without them say the same of the run, and the second what it withholds", async () => {
  const [redacted, whole] = [
    await exported(first, "redacted.amcbundle", "--redact", "payloads"),
    await exported(first, "whole.amcbundle", "--redact", "nothing"),
  ]
  const [short, long] = [await verify(redacted), await verify(whole)]
  expect([short.exit, long.exit]).toEqual([0, 0])
  expect(short.data.report).toEqual(long.data.report)
  const { named } = long.data.payloads
  expect(named).toBeGreaterThan(0)
  expect(long.data.payloads).toEqual({ named, held: named, withheld: 0 })
  expect(short.data.payloads).toEqual({ named, held: 0, withheld: named })
  const said = (await amc(own, ["bundle", "verify", redacted, "--root", own.root])).stdout
  expect(said).toContain(`redactions    0 of ${named} payloads are here; ${named} withheld`)
  expect(readFileSync(whole).includes("said\n")).toBe(true)
  expect(readFileSync(redacted).includes("said\n")).toBe(false)
})

test("the same run exported twice is the same bytes (B15)", async () => {
  const [a, b] = [
    await exported(first, "b15-1.amcbundle"),
    await exported(first, "b15-2.amcbundle"),
  ]
  expect(readFileSync(a).equals(readFileSync(b))).toBe(true)
})

test("inspect shows what a bundle says of itself, and that nothing of it was verified", async () => {
  const file = await exported(first, "inspected.amcbundle")
  const { exit, data } = await amcJson(own, ["bundle", "inspect", file])
  expect({ exit, ...data }).toMatchObject({
    exit: 0,
    claims: { agent: "a", run_id: first, withheld: ["payloads"] },
    verified: false,
  })
  const { stdout } = await amc(own, ["bundle", "inspect", file])
  expect(stdout).toMatch(/nothing of this was verified/)
  expect(stdout).not.toMatch(/\b(?:ok|accepted|valid)\b/i)
  writeFileSync(join(own.top, "cut.amcbundle"), readFileSync(file).subarray(0, 4000))
  const cut = await amcJson(own, ["bundle", "inspect", join(own.top, "cut.amcbundle")])
  expect(cut.findings).toMatchObject([{ code: "bundle/malformed" }])
})

test("diff tells what moved between two bundles by question and by evidence, and only of genuine ones", async () => {
  const [from, to] = [
    await exported(first, "from.amcbundle"),
    await exported(second, "to.amcbundle"),
  ]
  const diff = (a: string, b: string): ReturnType<typeof amcJson> =>
    amcJson(own, ["bundle", "diff", a, b, "--root", own.root])
  const forward = await diff(from, to)
  expect(forward.exit, forward.stderr).toBe(0)
  expect(forward.data.evidence).toMatchObject({
    continues: true,
    events: { only_from: 0 },
    sessions: { only_from: [] },
  })
  expect(forward.data.evidence.sessions.only_to).toHaveLength(1)
  expect(forward.data.diff.questions.length).toBeGreaterThan(0)
  expect((await diff(to, from)).data.evidence.continues).toBe(false)
  const changed = join(own.top, "changed.amcbundle")
  copyFileSync(to, changed)
  const bytes = readFileSync(changed)
  bytes[bytes.indexOf('"agent":"a"')]! ^= 1
  writeFileSync(changed, bytes)
  expect(await diff(from, changed)).toMatchObject({ exit: 4, data: null })
  const { stdout } = await amc(own, ["bundle", "diff", from, to, "--root", own.root])
  expect(stdout).toContain("the later one holds all evidence of the earlier one")
})

test("a later run's bundle tells of the trees of earlier runs, and 'ledger prove' shows that one extends the other (L12)", async () => {
  const [early, late] = [
    await exported(first, "early.amcbundle"),
    await exported(second, "late.amcbundle"),
  ]
  const sizeOf = (runId: string): number =>
    Number(readFileSync(join(own.dir, "runs", runId, "checkpoint"), "utf8").split("\n")[1])
  expect((await verify(early)).exit).toBe(0)
  const { checkpoints } = (await verify(late)).data
  expect(checkpoints.extended).toBeGreaterThan(1)
  const words = ["--from", String(sizeOf(first)), "--to", String(sizeOf(second))]
  const proof = join(own.top, "trees.proof")
  const proven = await amcJson(own, ["ledger", "prove", ...words, "--out", proof])
  expect([proven.exit, proven.stderr]).toEqual([0, ""])
  const given = (file: string, by: string): ReturnType<typeof amcJson> =>
    amcJson(own, ["bundle", "verify", file, "--root", own.root, "--proof", by])
  expect((await given(early, proof)).exit).toBe(0)
  expect((await given(late, proof)).exit).toBe(0)
  const wrong = join(own.top, "wrong.proof")
  writeFileSync(wrong, readFileSync(proof, "utf8").replace(/^old \d+/, "old 1"))
  const refused = await given(late, wrong)
  expect([refused.exit, refused.findings.map(({ code }) => code)]).toEqual([1, ["proof/refused"]])
  const none = await amcJson(own, ["ledger", "prove", "--from", "9", "--to", "3"])
  expect([none.exit, none.findings.map(({ code }) => code)]).toEqual([2, ["usage/invalid"]])
})
