import { expect, test } from "vitest"
import { record } from "../evidence.fixture.ts"
import { agent } from "../lane.fixture.ts"
import {
  judge,
  type MeasuredSession,
  type ReportedSession,
  type SessionIndicator,
} from "./indicator.ts"
import { sessionsOf } from "./sessions.fixture.ts"
import type { Item } from "./judged.ts"

const [session] = sessionsOf(record({ sessions: [{ prose: "all tests passed" }] }).events, agent, 0)
const surroundings = { window: { isAnswered: true, isChecked: true }, isSeenWhole: true }
const base: SessionIndicator = {
  id: "T-01",
  reads: ["llm_response"],
  holds: () => [{ outcome: "pass" }],
}

test("a rule that lets a reported field raise a level does not compile", () => {
  const byReported: SessionIndicator = {
    ...base,
    // @ts-expect-error what lets a unit pass is given no reported facts
    holds: (from: ReportedSession) => from.reported("llm_response").map(() => passed),
  }
  const byEvent = (from: MeasuredSession): unknown =>
    // @ts-expect-error a measured event has no reported part
    from.measured("llm_response").map(({ reported }) => reported)
  const byField = (from: MeasuredSession): unknown =>
    // @ts-expect-error a reported field is not among the measured ones
    from.measured("llm_response").map(({ measured }) => measured.finish_reason)
  // @ts-expect-error what sees reported facts can't give an outcome
  const byBreaking: SessionIndicator = { ...base, breaks: (): Outcome => "pass" }
  // @ts-expect-error one view is not the other
  const views = (reported: ReportedSession): MeasuredSession => reported
  expect([byReported, byEvent, byField, byBreaking, views]).toHaveLength(5)
})

test("what was reported can make a passed unit fail", () => {
  const breaks = (from: ReportedSession): boolean =>
    from
      .reported("llm_response")
      .some(({ reported }) => reported.finish_reason === "all tests passed")
  expect(judge(base, session!, surroundings)).toEqual([{ outcome: "pass" }])
  expect(judge({ ...base, breaks }, session!, surroundings)).toEqual([{ outcome: "fail" }])
})

test("what was reported can't make a failed or unknown unit pass", () => {
  const holds: SessionIndicator["holds"] = () => [{ outcome: "fail" }, { outcome: "unknown" }]
  for (const isBroken of [true, false])
    expect(judge({ ...base, holds, breaks: () => isBroken }, session!, surroundings)).toEqual([
      { outcome: "fail" },
      { outcome: "unknown" },
    ])
})

test("what passed in a session that was not seen whole is unknown, what failed stays", () => {
  const holds: SessionIndicator["holds"] = () => [{ outcome: "pass" }, { outcome: "fail" }]
  const items = judge({ ...base, holds }, session!, { ...surroundings, isSeenWhole: false })
  expect(items.map(({ outcome }) => outcome)).toEqual(["unknown", "fail"])
})

test.each([
  { why: "nothing was answered", plan: { calls: 0 } },
  { why: "the agent hung up", plan: { isAborted: true } },
  { why: "all that was answered was an error", plan: { answerStatus: 404, waitMs: null } },
])("what failed or is unknown counts without exposure, what passed does not: $why", ({ plan }) => {
  const [unserved] = sessionsOf(record({ sessions: [plan] }).events, agent, 0)
  const holds: SessionIndicator["holds"] = () =>
    (["pass", "fail", "unknown"] as const).map((outcome) => ({ outcome }))
  const items = judge({ ...base, holds }, unserved!, surroundings)
  expect(items.map(({ outcome }) => outcome)).toEqual(["fail", "unknown"])
})

test.each([
  { why: "where the agent may have run", plan: { calls: 0 }, outcomes: ["unknown"] },
  { why: "where it was never started", plan: { end: "not-started" as const }, outcomes: [] },
])("nothing shows that a session that was not seen whole did nothing: $why", (row) => {
  const [unserved] = sessionsOf(record({ sessions: [row.plan] }).events, agent, 0)
  const items = judge(base, unserved!, { ...surroundings, isSeenWhole: false })
  expect(items.map(({ outcome }) => outcome)).toEqual(row.outcomes)
})

test("what was reported makes a unit fail without exposure too", () => {
  const [unserved] = sessionsOf(record({ sessions: [{ calls: 0 }] }).events, agent, 0)
  expect(judge(base, unserved!, surroundings)).toEqual([])
  expect(judge({ ...base, breaks: () => true }, unserved!, surroundings)).toEqual([
    { outcome: "fail" },
  ])
})

const passed: Item = { outcome: "pass" }

type Outcome = "pass" | "fail"

test("what was answered has run, whatever its seal says", () => {
  const never = { ...session!, mayHaveRun: false }
  const holds: SessionIndicator["holds"] = ({ mayHaveRun }) => (mayHaveRun ? [passed] : [])
  const judgedAs = (of: typeof never, isSeenWhole: boolean): readonly Item[] =>
    judge({ ...base, holds }, of, { ...surroundings, isSeenWhole })
  expect(judgedAs(never, true)).toEqual([{ outcome: "pass" }])
  expect(judgedAs(never, false)).toEqual([{ outcome: "unknown" }])
  const unserved = { ...never, isServed: false }
  expect(judgedAs(unserved, true)).toEqual([])
  const silent = { ...unserved, isAnswered: false }
  expect(judgedAs(silent, true)).toEqual([])
  const ran = { ...silent, mayHaveRun: true }
  expect([judgedAs(ran, true), judgedAs(ran, false)]).toEqual([[], [{ outcome: "unknown" }]])
})
