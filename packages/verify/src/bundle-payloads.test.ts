import type { BundleParts } from "@amc/bundle"
import { sha256Hex, utf8 } from "@amc/core"
import { expect, test } from "vitest"
import { bundleOf, openRun, partsOf, recordSystem } from "./bundle.fixture.ts"
import { judge, world } from "./bundle-judge.fixture.ts"
import { LaneFixture, recordSession } from "./lane.fixture.ts"

const outputs = ["first output", "second output"].map(utf8)
const lane = new LaneFixture(world)
recordSystem(lane)
recordSession(lane, "s-0", false)
for (const bytes of [...outputs, ...outputs]) {
  const facts = { offset: 0, bytes: bytes.length, stored: true, secrets_found: 0 }
  const sha256 = sha256Hex(bytes)
  const payload = { sha256, size: bytes.length, media: "text/plain", blob_sha256: sha256 }
  lane.record("agent_stdout", facts, { session: "s-0", payload })
}
const run = partsOf({ world, lane, runOpened: openRun(lane) })

const judged = (change: Partial<BundleParts>): ReturnType<typeof judge> =>
  judge(bundleOf({ ...run, ...change }, world))

const accepted = (payloads: object): object => ({
  codes: [],
  verdict: { value: { summary: { payloads } } },
})

test("a bundle holds the payloads that the agent's events name, or says that it withholds them", async () => {
  expect(await judged({ payloads: outputs })).toMatchObject(
    accepted({ named: 2, held: 2, withheld: 0 }),
  )
  expect(await judged({ payloads: null })).toMatchObject(
    accepted({ named: 2, held: 0, withheld: 2 }),
  )
})

test("what is withheld changes nothing of what the bundle says of the run", async () => {
  const verdicts = await Promise.all([judged({ payloads: outputs }), judged({ payloads: null })])
  const [whole, redacted] = verdicts.map(({ verdict }) => {
    if (!verdict.accepted) throw new Error("refused")
    const { payloads: _, ...rest } = verdict.value.summary
    return rest
  })
  expect(redacted).toEqual(whole)
})

test.each([
  { why: "one is not there", payloads: outputs.slice(1), code: "bundle/payload-missing" },
  { why: "none is there", payloads: [], code: "bundle/payload-missing" },
  { why: "one is too many", payloads: [...outputs, utf8("more")], code: "bundle/stray-file" },
])("a bundle that withholds nothing is refused when $why", async ({ payloads, code }) => {
  expect(await judged({ payloads })).toMatchObject({ codes: [code], exit: 1 })
})
