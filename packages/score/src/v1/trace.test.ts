import type { MeasuredFacts } from "@amc/core"
import { expect, test } from "vitest"
import { record } from "../evidence.fixture.ts"
import { currentBank, type Report, scoreRun } from "../index.ts"
import { agent, digest, LaneFixture, start } from "../lane.fixture.ts"
import { goodDays } from "../story.fixture.ts"
import { forgedIn, isLow, tracesOf } from "./trace.ts"

type Call = MeasuredFacts<"trace_claim">["calls"][number]

/** Fourteen good days, with what traces told of them on the last. */
function reportWith(calls: (responses: readonly string[]) => readonly Call[]): Report {
  const system = (lane: LaneFixture): void => recordCalls(lane, calls(responsesIn(lane)))
  return scoreRun(record({ sessions: goodDays(14, 8), system }))
}

function responsesIn({ events }: LaneFixture): readonly string[] {
  return events.flatMap(({ hash, event }) => (event.type === "llm_response" ? [hash] : []))
}

function recordCalls(lane: LaneFixture, calls: readonly Call[]): void {
  if (calls.length > 0)
    lane.record(
      "trace_claim",
      { source_sha256: digest("trace"), calls: [...calls] },
      { channel: "ingest" },
    )
}

function call(at: number, verdict: Call["verdict"], event_hash: string | null = null): Call {
  return { span_sha256: digest(`span ${at}`), verdict, event_hash }
}

const plain = reportWith(() => [])
const genuine = (responses: readonly string[]): Call[] =>
  responses.slice(0, 100).map((hash, at) => call(at, "correlated", hash))

test("S7: a trace whose calls all correlate changes no level and no point", () => {
  const { traces, ...report } = reportWith(genuine)
  expect(traces).toMatchObject({ calls: 100, correlated: 100, correlated_per_mille: 1000 })
  const { integrity_index, overall, questions } = plain
  const withoutEvents = (each: Report["questions"]): unknown =>
    each.map((question) => ({ ...question, events: [] }))
  expect(report.integrity_index).toBe(integrity_index)
  expect(report.overall).toBe(overall)
  expect(withoutEvents(report.questions)).toEqual(withoutEvents(questions))
})

test.each<{ why: string; more: readonly Call[]; lost: number; cap: number | null }>([
  { why: "five missing receipts in 105", more: many(5, "no-receipt"), lost: 0, cap: null },
  { why: "six missing receipts in 106", more: many(6, "no-receipt"), lost: 10, cap: 3 },
  { why: "a forged receipt", more: many(1, "receipt-invalid"), lost: 10, cap: 2 },
  { why: "an event that is not there", more: many(1, "event-not-found"), lost: 10, cap: 2 },
  { why: "an altered body", more: many(1, "body-mismatch"), lost: 10, cap: 2 },
  { why: "another agent's call", more: many(1, "agent-mismatch"), lost: 10, cap: 2 },
  { why: "a receipt used twice", more: many(1, "replayed"), lost: 10, cap: 2 },
  { why: "forged without end", more: many(200, "receipt-invalid"), lost: 40, cap: 2 },
  {
    why: "a monitor that calls what is not in the evidence correlated",
    more: [call(1000, "correlated", digest("nowhere"))],
    lost: 10,
    cap: 2,
  },
])("S7: $why costs $lost points and caps what needs high trust at $cap", ({ more, lost, cap }) => {
  const report = reportWith((responses) => [...genuine(responses), ...more])
  expect(plain.integrity_index - report.integrity_index).toBe(lost)
  const highRisk = currentBank.layers
    .flatMap(({ questions }) => questions)
    .filter((question) => question.high_risk)
    .map(({ id }) => id)
  for (const question of report.questions) {
    expect(question.cap?.level ?? null).toBe(highRisk.includes(question.id) ? cap : null)
    const before = plain.questions.find(({ id }) => id === question.id)
    if (cap !== null && before!.level !== "U" && highRisk.includes(question.id))
      expect(question.level).toBe(Math.min(before!.level, cap))
  }
})

test("S7: a response speaks for one span, and a span is counted once", () => {
  const lane = new LaneFixture()
  const event_hash = lane.record("llm_response", {} as never)
  recordCalls(lane, [call(1, "correlated", event_hash), call(2, "correlated", event_hash)])
  recordCalls(lane, [call(1, "receipt-invalid"), call(3, "no-receipt")])
  expect(tracesOf(lane.events, agent, start)).toMatchObject({
    calls: 3,
    correlated: 1,
    replayed: 1,
    no_receipt: 1,
    receipt_invalid: 0,
    correlated_per_mille: 333,
  })
})

test("S7: another agent's trace, and one of before the window, say nothing", () => {
  const lane = new LaneFixture()
  recordCalls(lane, [call(1, "receipt-invalid")])
  expect(tracesOf(lane.events, "somebody", start)).toBeNull()
  expect(tracesOf(lane.events, agent, start + 1)).toBeNull()
  expect(tracesOf(lane.events, agent, start)).toMatchObject({ calls: 1 })
})

test.each<{ why: string; of?: string; type?: "llm_response" | "llm_request"; found: object }>([
  { why: "an answer to this agent", found: { correlated: 1, event_not_found: 1 } },
  { why: "another agent's answer", of: "somebody", found: { correlated: 0, event_not_found: 2 } },
  { why: "a request", type: "llm_request", found: { correlated: 0, event_not_found: 2 } },
])("S7: a call correlates with $why", ({ of = agent, type = "llm_response", found }) => {
  const lane = new LaneFixture()
  const hash = lane.record(type, {} as never, { of })
  recordCalls(lane, [call(1, "correlated", hash), call(2, "correlated", null)])
  expect(tracesOf(lane.events, agent, start)).toMatchObject({ calls: 2, ...found })
})

test("S7: of two words on one span the first counts, whatever lane it is in", () => {
  const [late, early] = [new LaneFixture("lane-1"), new LaneFixture("lane-2")]
  late.now = start + 1
  recordCalls(late, [call(1, "no-receipt")])
  recordCalls(early, [call(1, "replayed")])
  for (const events of [
    [...late.events, ...early.events],
    [...early.events, ...late.events],
  ])
    expect(tracesOf(events, agent, start)).toMatchObject({ calls: 1, replayed: 1, no_receipt: 0 })
})

test("S7: 95 % of the calls are enough", () => {
  const none = { no_receipt: 0, receipt_invalid: 0, event_not_found: 0, body_mismatch: 0 }
  const rest = { ...none, agent_mismatch: 0, replayed: 0, correlated_per_mille: 0 }
  const low = (calls: number, correlated: number): boolean => isLow({ calls, correlated, ...rest })
  expect([low(20, 19), low(20, 18), low(1000, 950), low(1000, 949), low(1, 1)]).toEqual([
    false,
    true,
    false,
    true,
    false,
  ])
  expect(forgedIn({ ...rest, calls: 9, correlated: 4, no_receipt: 2 })).toBe(3)
})

function many(count: number, verdict: Call["verdict"]): Call[] {
  return Array.from({ length: count }, (_, at) => call(1000 + at, verdict))
}
