import { utf8 } from "@amc/core"
import { encodeReport } from "@amc/score"
import { expect, test } from "vitest"
import { makeRun, openRun, partsOf, reportOf } from "./bundle.fixture.ts"
import { recordSession } from "./lane.fixture.ts"
import { EvidenceNotes } from "./evidence-notes.ts"
import { type RunSummary, verifyRun } from "./run.ts"

const first = makeRun()
const { world, lane } = first
const { seal, report } = partsOf(first)
recordSession(lane, "s-later")
const second = { ...first, runOpened: openRun(lane, "run-2") }
const notes = new EvidenceNotes()
for (const each of lane.leaves) notes.note(each)
const evidence = { events: lane.leaves, notes, seal, report, keyring: world.keyring }

test("verifies a run from the whole ledger, whatever came after it", async () => {
  expect(await verifyRun(evidence)).toMatchObject({
    accepted: true,
    value: {
      run: { run_id: "run-1" },
      events: first.runOpened.event.lseq + 1,
      firstMs: lane.leaves[0]?.event.ts,
      sealedBy: new Set([world.signers.auditor.key.kid]),
    },
  })
})

test("rebuilds each run's report byte for byte from the same events", async () => {
  for (const run of [first, second]) {
    const { seal, report } = partsOf(run)
    const { value } = (await verifyRun({ ...evidence, seal, report })) as { value?: RunSummary }
    expect(value && encodeReport(value.report)).toEqual(reportOf(run))
  }
})

test("refuses another report, and says no more of it", async () => {
  expect(await verifyRun({ ...evidence, report: utf8("{}") })).toMatchObject({
    findings: [{ code: "run/report-contradicted", tampered: true }],
  })
})

test("refuses a run whose events are not all there", async () => {
  const system = lane.leaves.findIndex(({ event }) => event.type === "config_change")
  const events = lane.leaves.toSpliced(system, 1)
  expect(await verifyRun({ ...evidence, events })).toMatchObject({
    findings: [{ code: "run/incomplete", tampered: true }],
  })
})
