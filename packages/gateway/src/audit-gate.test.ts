import { expect, test } from "vitest"
import { AuditGate, type AuditReport } from "./audit-gate.ts"
import { diskFull, MemoryRecorder } from "./lab.fixture.ts"

const audit: AuditReport = {
  code: "LEASE_REFUSED",
  channel: "gateway:loopback",
  agent: "_system",
  session: null,
  subject: "s",
  detail: "d",
}

function gate() {
  const time = { now: 0 }
  const recorder = new MemoryRecorder()
  const details = () => recorder.of("audit").map((each) => each.facts.measured.detail)
  return { time, recorder, details, gate: new AuditGate(recorder, 2, () => time.now) }
}

test("what is left out in one minute is counted with the first audit of the next", async () => {
  const lab = gate()
  for (let n = 0; n < 5; n++) await lab.gate.report(audit)
  lab.time.now = 60_000
  await lab.gate.report(audit)
  await lab.gate.flush()
  expect(lab.details()).toEqual(["d", "d", "d; 3 more were not recorded one by one"])
})

test("kinds and agents do not crowd each other out", async () => {
  const lab = gate()
  for (let n = 0; n < 3; n++) await lab.gate.report(audit)
  await lab.gate.report({ ...audit, agent: "a" })
  await lab.gate.report({ ...audit, code: "GATEWAY_REQUEST_REFUSED" })
  expect(lab.details()).toHaveLength(4)
})

test("a sweep records the counts, forgets the window, and a clock that steps back opens a new one", async () => {
  const lab = gate()
  lab.time.now = 1_000_000
  for (let n = 0; n < 3; n++) await lab.gate.report(audit)
  await lab.gate.sweep()
  lab.time.now = 0
  await lab.gate.report(audit)
  expect(lab.details()).toEqual(["d", "d", "d; 1 more were not recorded one by one", "d"])
})

test("an audit that can't be written is counted until it can", async () => {
  const lab = gate()
  lab.recorder.before = diskFull
  await lab.gate.report(audit)
  lab.recorder.before = () => undefined
  await lab.gate.flush()
  expect(lab.details()).toEqual(["d; 1 more were not recorded one by one"])
})
