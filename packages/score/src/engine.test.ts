import { factTypes } from "@amc/core"
import { expect, test } from "vitest"
import { record } from "./evidence.fixture.ts"
import {
  bankSha256,
  currentBank,
  encodeReport,
  engine,
  parseReport,
  scoreRun,
  shippedBanks,
} from "./index.ts"
import { digest } from "./lane.fixture.ts"

const recording = record({ sessions: [{}] })

test("the current bank is shipped under its digest", () => {
  expect(shippedBanks.get(bankSha256(currentBank))).toBe(currentBank)
})

test("a run with an unknown bank or engine is refused", () => {
  const foreign = record({ sessions: [{}], bankSha256: digest("their bank") })
  expect(() => scoreRun(foreign)).toThrow(expect.objectContaining({ code: "score/unknown-bank" }))
  const future = { ...recording, engine: "amc-score/v9" }
  expect(() => scoreRun(future)).toThrow(expect.objectContaining({ code: "score/unknown-engine" }))
  expect(scoreRun({ ...recording, engine })).toEqual(scoreRun(recording))
})

test("the bank's gates only rise, and can be reached", () => {
  for (const profile of Object.values(currentBank.profiles))
    for (const gates of [profile.thresholds, profile.units, profile.sessions, profile.days])
      expect(gates).toEqual(gates.toSorted((a, b) => a - b))
  const bounds = Object.values(currentBank.profiles).filter(({ test: by }) => by === "lower_bound")
  expect(Math.max(...bounds.flatMap(({ thresholds }) => thresholds))).toBeLessThan(1000)
  expect(factTypes).not.toContain("assurance_run")
})

test.each([
  { id: "SAO-02", reachable: 3 },
  { id: "SAO-08", reachable: 3 },
  { id: "SAO-10", reachable: 2 },
  { id: "SAO-11", reachable: 5 },
  { id: "LA-04", reachable: 3 },
  { id: "LA-05", reachable: 2 },
  { id: "LA-06", reachable: 5 },
  { id: "CA-09", reachable: 2 },
  { id: "CA-12", reachable: 2 },
  { id: "RES-01", reachable: 2 },
  { id: "RES-02", reachable: 3 },
  { id: "RES-06", reachable: 2 },
  { id: "RES-09", reachable: 5 },
  { id: "RES-10", reachable: 3 },
  { id: "SK-02", reachable: 5 },
])("$id can reach level $reachable in a window of 90 days", ({ id, reachable }) => {
  const report = scoreRun(record({ sessions: [{}], endDay: 89 }))
  expect(report.questions.find((question) => question.id === id)?.reachable).toBe(reachable)
})

test("a window that is too short for a level can't reach it", () => {
  const reachable = (endDay: number): number | undefined =>
    scoreRun(record({ sessions: [], endDay })).questions.find(({ id }) => id === "RES-09")
      ?.reachable
  expect([0, 1, 3, 13, 36, 37].map(reachable)).toEqual([1, 2, 3, 4, 4, 5])
})

test("a report is read back from its bytes", () => {
  const report = scoreRun(recording)
  expect(parseReport(encodeReport(report))).toEqual(report)
})

test.each([
  { why: "a member more", change: { extra: 1 } },
  { why: "a level that does not exist", change: { overall: 6 } },
  { why: "an index above 100", change: { integrity_index: 101 } },
  { why: "another schema", change: { schema: "amc.report/v2" } },
  { why: "a label of its own", change: { trust_label: "VERY HIGH TRUST" } },
])("refuses a report with $why", ({ change }) => {
  const bytes = encodeReport({ ...scoreRun(recording), ...change } as unknown as Parameters<
    typeof encodeReport
  >[0])
  expect(() => parseReport(bytes)).toThrow(expect.objectContaining({ code: "input/malformed" }))
})

test("refuses a report in another spelling", () => {
  const spaced = new TextEncoder().encode(JSON.stringify(scoreRun(recording), null, 1))
  expect(() => parseReport(spaced)).toThrow(expect.objectContaining({ code: "input/malformed" }))
})
