import { expect, test } from "vitest"
import { bundleOf, makeRun, openRun, partsOf } from "./bundle.fixture.ts"
import { type VerifiedBundle, verifyBundle } from "./bundle.ts"
import { diffEvidence } from "./evidence-diff.ts"
import { recordSession } from "./lane.fixture.ts"
import { startMs } from "./world.fixture.ts"

async function verified(run: ReturnType<typeof makeRun>): Promise<VerifiedBundle> {
  const { world } = run
  const policy = { rootSha256: world.rootSha256, atMs: startMs }
  const verdict = await verifyBundle(await bundleOf(partsOf(run), world), policy)
  if (!verdict.accepted) throw new Error("refused")
  return verdict.value
}

const first = makeRun()
const before = await verified(first)
recordSession(first.lane, "s-next")
const after = await verified({ ...first, runOpened: openRun(first.lane, "run-2") })

test("a later run of the same history adds to it and loses nothing", () => {
  const diff = diffEvidence(before, after)
  expect(diff).toMatchObject({
    continues: true,
    events: { shared: before.summary.events, only_from: 0 },
    sessions: { only_from: [], only_to: ["s-next"] },
  })
  expect(diff.events.only_to).toBe(after.summary.events - before.summary.events)
})

test("backwards, and from another history, evidence is missing", async () => {
  expect(diffEvidence(after, before)).toMatchObject({
    continues: false,
    sessions: { only_from: ["s-next"], only_to: [] },
  })
  const other = await verified(makeRun(undefined, 3))
  expect(diffEvidence(before, other).continues).toBe(false)
})
