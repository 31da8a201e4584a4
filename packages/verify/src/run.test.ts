import { utf8 } from "@amc/core"
import { expect, test } from "vitest"
import { makeRun, openRun, partsOf, reportOf } from "./bundle.fixture.ts"
import { recordSession } from "./lane.fixture.ts"
import { rebuildReport, verifyRun } from "./run.ts"
import { runsOpened, sliceOfRun } from "./run-slice.ts"

const first = makeRun()
const { world, lane } = first
const { seal, report } = partsOf(first)
recordSession(lane, "s-later")
const second = { ...first, runOpened: openRun(lane, "run-2") }
const evidence = { events: lane.leaves, seal, report, keyring: world.keyring }

test("verifies a run from the whole ledger, whatever came after it", () => {
  expect(verifyRun(evidence)).toMatchObject({
    accepted: true,
    value: { run: { run_id: "run-1" }, sealedBy: new Set([world.signers.auditor.key.kid]) },
  })
})

test("rebuilds each run's report byte for byte from the same events", () => {
  for (const run of [first, second]) {
    const { run_id } =
      run.runOpened.event.type === "run_opened"
        ? run.runOpened.event.facts.measured
        : { run_id: "" }
    const [opened] = runsOpened(lane.leaves, run_id, run.runOpened.event.agent)
    expect(rebuildReport(lane.leaves, opened!)).toEqual({ accepted: true, value: reportOf(run) })
  }
})

test("takes the run's slice up to its opening and to the heads that it names", () => {
  const [opened] = runsOpened(lane.leaves, "run-1", first.runOpened.event.agent)
  expect(sliceOfRun(lane.leaves, opened!)).toEqual(
    lane.leaves.slice(0, first.runOpened.event.lseq + 1),
  )
})

test("refuses another report, and says no more of it", () => {
  expect(verifyRun({ ...evidence, report: utf8("{}") })).toMatchObject({
    findings: [{ code: "run/report-contradicted", tampered: true }],
  })
})

test("refuses a run whose events are not all there", () => {
  const system = lane.leaves.findIndex(({ event }) => event.type === "config_change")
  expect(verifyRun({ ...evidence, events: lane.leaves.toSpliced(system, 1) })).toMatchObject({
    findings: [{ code: "run/incomplete", tampered: true }],
  })
})
