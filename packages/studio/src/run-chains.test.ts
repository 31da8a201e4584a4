import { rmSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { expect, test } from "vitest"
import { openCapture } from "./capture.ts"
import { withLedger } from "./ledger-reader.ts"
import { makeRun } from "./run.ts"
import { gathered, inLaneOrder, runChains } from "./run-chains.ts"
import { findRunOpened, findRunPlace } from "./run-place.ts"
import { newPlace } from "./workspace.fixture.ts"

test("what was verified is what is read afterwards: a ledger that was changed between is refused", async () => {
  // The recorder's thread has the real clock.
  // oxlint-disable-next-line no-restricted-globals
  const clock = (): number => Date.now()
  const { top, workspace } = await newPlace(clock)
  const capture = await openCapture(workspace, { clock })
  const { stored } = await makeRun(capture, { agent: "a1", windowDays: 14 })
  await capture.close()
  await withLedger(workspace, async (ledger) => {
    const opened = await findRunOpened(ledger, workspace.lane, stored.runId)
    const chains = runChains(ledger, await findRunPlace(ledger, opened))
    const first = await gathered(inLaneOrder(chains))
    expect(first.map(({ lseq }) => lseq)).toEqual(first.map((_, at) => at))
    expect(await gathered(inLaneOrder(chains))).toEqual(first)
    const db = new DatabaseSync(join(workspace.dir, "ledger", "ledger.sqlite"), {
      defensive: false,
    })
    db.exec(`DROP TRIGGER evidence_events_no_update;
      UPDATE evidence_events SET leaf = (SELECT leaf FROM evidence_events WHERE lseq = 1) WHERE lseq = 0`)
    db.close()
    const changed = expect.objectContaining({ code: "store/damaged" })
    await expect(gathered(inLaneOrder(chains))).rejects.toThrow(changed)
  })
  rmSync(top, { recursive: true })
})
