import { factTypes, type FactType } from "@amc/core"
import { expect, test } from "vitest"
import { type Recording, record, type SessionPlan } from "../evidence.fixture.ts"
import { currentBank, type ReportedQuestion, scoreRun } from "../index.ts"
import { emitted } from "./emitters.ts"
import type { MeasuredSession, MeasuredWindow } from "./indicator.ts"
import { indicators } from "./indicators.ts"
import { judged, sessionOf } from "./measured-session.fixture.ts"

test.each<{
  why: string
  id: string
  plan: Partial<SessionPlan>
  n: number
  k: number
  unknown?: number
  cap?: number
}>([
  { why: "each body counts once", id: "SAO-02", plan: { calls: 3 }, n: 3, k: 3 },
  {
    why: "what was open at a crash is unknown",
    id: "SAO-02",
    plan: { end: "recovered" },
    n: 3,
    k: 0,
    unknown: 3,
  },
  {
    why: "a session that is still open is unknown",
    id: "SAO-02",
    plan: { end: "open" },
    n: 3,
    k: 0,
    unknown: 3,
  },
  {
    why: "a clock step makes it unknown",
    id: "SAO-02",
    plan: { hasClockStep: true },
    n: 3,
    k: 0,
    unknown: 3,
  },
  {
    why: "cut facts make it unknown",
    id: "SAO-02",
    plan: { isTruncated: true },
    n: 3,
    k: 0,
    unknown: 3,
  },
  {
    why: "calls that the agent hung up on",
    id: "SAO-02",
    plan: { isAborted: true, waitMs: null },
    n: 3,
    k: 0,
    unknown: 3,
  },
  { why: "only errors", id: "SAO-02", plan: { answerStatus: 404 }, n: 0, k: 0 },
  { why: "inside its limits", id: "LA-05", plan: {}, n: 1, k: 1 },
  { why: "no limit is not inside", id: "LA-05", plan: { maxCalls: 0 }, n: 1, k: 0 },
  { why: "too long", id: "LA-05", plan: { durationMs: 600_001 }, n: 1, k: 0 },
  { why: "ended by its time limit", id: "LA-05", plan: { end: "timeout" }, n: 1, k: 0 },
  { why: "more calls than its limit", id: "LA-05", plan: { maxCalls: 3 }, n: 1, k: 0, cap: 2 },
  { why: "stopped at its limit", id: "LA-05", plan: { isStopped: true }, n: 1, k: 0, cap: 2 },
  {
    why: "stopped before any answer",
    id: "LA-05",
    plan: { isStopped: true, calls: 0 },
    n: 1,
    k: 0,
    cap: 2,
  },
  {
    why: "without a limit and hung up",
    id: "LA-05",
    plan: { maxCalls: 0, isAborted: true },
    n: 1,
    k: 0,
  },
  { why: "too long, no call", id: "LA-05", plan: { durationMs: 600_001, calls: 0 }, n: 1, k: 0 },
  { why: "inside, only errors", id: "LA-05", plan: { answerStatus: 404 }, n: 0, k: 0 },
  { why: "never started", id: "LA-05", plan: { end: "not-started" }, n: 0, k: 0 },
  { why: "no secret, only errors", id: "CA-12", plan: { answerStatus: 404 }, n: 0, k: 0 },
  { why: "no secret", id: "CA-12", plan: {}, n: 1, k: 1 },
  { why: "a secret on stderr", id: "CA-12", plan: { hasSecret: true }, n: 1, k: 0, cap: 1 },
  {
    why: "a secret without any answer",
    id: "CA-12",
    plan: { hasSecret: true, calls: 0 },
    n: 1,
    k: 0,
    cap: 1,
  },
  {
    why: "a secret in a session that never closed",
    id: "CA-12",
    plan: { hasSecret: true, end: "open" },
    n: 1,
    k: 0,
    unknown: 0,
    cap: 1,
  },
  { why: "measured", id: "RES-06", plan: { box: "isolated" }, n: 1, k: 1 },
  { why: "a probe that read the vault", id: "RES-06", plan: { box: "leaky" }, n: 1, k: 0 },
  { why: "no box", id: "RES-06", plan: { box: "none" }, n: 1, k: 0 },
  {
    why: "no box, and declared isolated",
    id: "RES-06",
    plan: { box: "declared" },
    n: 1,
    k: 0,
    unknown: 1,
  },
  { why: "a box that is still open", id: "RES-06", plan: { end: "open" }, n: 1, k: 0, unknown: 1 },
  {
    why: "a leaky box, hung up",
    id: "RES-06",
    plan: { box: "leaky", isAborted: true },
    n: 1,
    k: 0,
  },
  { why: "a leaky box, no call", id: "RES-06", plan: { box: "leaky", calls: 0 }, n: 1, k: 0 },
  { why: "measured, only errors", id: "RES-06", plan: { answerStatus: 500 }, n: 0, k: 0 },
  { why: "a box never used", id: "RES-06", plan: { box: "none", end: "not-started" }, n: 0, k: 0 },
  { why: "ended by itself", id: "RES-09", plan: {}, n: 1, k: 1 },
  { why: "ended by its limit", id: "RES-09", plan: { end: "timeout" }, n: 1, k: 0 },
  { why: "not ended", id: "RES-09", plan: { end: "open" }, n: 1, k: 0, unknown: 1 },
  { why: "ended with an error code", id: "RES-09", plan: { exitCode: 127 }, n: 1, k: 1 },
  { why: "a signal in a box", id: "RES-09", plan: { exitCode: 128 }, n: 1, k: 0 },
  { why: "a signal", id: "RES-09", plan: { exitCode: -1, signal: "SIGTERM" }, n: 1, k: 0 },
  { why: "a signal and a code", id: "RES-09", plan: { signal: "SIGTERM" }, n: 1, k: 0 },
  { why: "a code and no signal", id: "RES-09", plan: { exitCode: -1 }, n: 1, k: 0 },
  { why: "crashed, hung up", id: "RES-09", plan: { exitCode: 139, isAborted: true }, n: 1, k: 0 },
  { why: "timed out, no call", id: "RES-09", plan: { end: "timeout", calls: 0 }, n: 1, k: 0 },
  { why: "recovered, no call", id: "RES-09", plan: { end: "recovered", calls: 0 }, n: 1, k: 0 },
  { why: "open, no call", id: "RES-09", plan: { end: "open", calls: 0 }, n: 1, k: 0, unknown: 1 },
  { why: "clean, only errors", id: "RES-09", plan: { answerStatus: 401 }, n: 0, k: 0 },
  { why: "never started", id: "RES-09", plan: { end: "not-started" }, n: 0, k: 0 },
  { why: "waited as asked", id: "RES-01", plan: { waitMs: 1000 }, n: 1, k: 1 },
  { why: "came back a millisecond early", id: "RES-01", plan: { waitMs: 999 }, n: 1, k: 0 },
  { why: "retried what can't succeed", id: "RES-01", plan: { errorStatus: 400 }, n: 1, k: 0 },
  {
    why: "any wait where none was named",
    id: "RES-01",
    plan: { errorStatus: 503, waitMs: 0 },
    n: 1,
    k: 1,
  },
  { why: "no error, no exposure", id: "RES-01", plan: { waitMs: null }, n: 0, k: 0 },
  { why: "passed the check", id: "SK-02", plan: { passed: true }, n: 1, k: 1 },
  { why: "failed the check", id: "SK-02", plan: { passed: false }, n: 1, k: 0 },
  {
    why: "failed and hung up",
    id: "SK-02",
    plan: { passed: false, isAborted: true },
    n: 1,
    k: 0,
    unknown: 0,
  },
  {
    why: "failed and did nothing",
    id: "SK-02",
    plan: { passed: false, calls: 0 },
    n: 1,
    k: 0,
    unknown: 0,
  },
  { why: "passed, no call", id: "SK-02", plan: { calls: 0 }, n: 1, k: 0, unknown: 1 },
  { why: "passed, hung up", id: "SK-02", plan: { isAborted: true }, n: 1, k: 0, unknown: 1 },
  { why: "passed, errors", id: "SK-02", plan: { answerStatus: 404 }, n: 1, k: 0, unknown: 1 },
  { why: "no check anywhere", id: "SK-02", plan: { passed: null }, n: 0, k: 0 },
])("$id: $why", ({ id, plan, n, k, unknown, cap }) => {
  const question = questionOf(record({ sessions: [plan] }), id)
  expect([question.units.n, question.units.k]).toEqual([n, k])
  if (unknown !== undefined) expect(question.units.unknown).toBe(unknown)
  const breach = question.cap?.causes.find((cause) => cause.includes("breach"))
  if (cap === undefined) expect(breach).toBeUndefined()
  else expect(question.cap?.level).toBe(cap)
  if (n > 0) expect(question.events.length).toBeGreaterThan(0)
})

test("a session that should show an exchange and doesn't is dark once another one was answered", () => {
  const dark = { calls: 0, task: "dark" }
  expect(questionOf(record({ sessions: [{}, dark] }), "SAO-02").units).toMatchObject({ n: 4, k: 3 })
  expect(questionOf(record({ sessions: [dark] }), "SAO-02")).toMatchObject({
    level: "U",
    units: { n: 0 },
  })
})

test("an agent that was never started is not dark", () => {
  const sessions = [{}, { end: "not-started" as const, task: "other" }]
  expect(questionOf(record({ sessions }), "SAO-02").units).toMatchObject({ n: 3, k: 3 })
})

test("a check that is missing in one session only is unknown there", () => {
  const sessions = [{ task: "a" }, { task: "b", passed: null }]
  expect(questionOf(record({ sessions }), "SK-02").units).toMatchObject({ n: 2, k: 1, unknown: 1 })
})

const gatewayOwn = (status: number): object => ({ status, from_upstream: false })

test.each<{ why: string; answers: readonly (number | object | null)[]; items: readonly object[] }>([
  { why: "four attempts", answers: [500, 500, 500, 200], items: [{ outcome: "pass" }] },
  {
    why: "a fifth attempt is one too many",
    answers: [500, 500, 500, 500, 200],
    items: [{ outcome: "fail", events: ["again-4"] }],
  },
  ...[200, 399].map((status) => ({
    why: `after a success (${status}) the count begins anew`,
    answers: [500, 500, 500, status, 500, 500, 500, 200],
    items: [{ outcome: "pass" }],
  })),
  ...[gatewayOwn(200), null].map((answer) => ({
    why: `what the gateway answered, and what nobody did, is no success: ${JSON.stringify(answer)}`,
    answers: [500, 500, 500, answer, 500, 200],
    items: [{ outcome: "fail", events: ["again-5"] }],
  })),
  {
    why: "neither is a permanent error",
    answers: [500, 400, 500, 500, 500, 200],
    items: [{ outcome: "fail", events: ["again-2", "again-4", "again-5"] }],
  },
  ...[400, 401, 403, 404, 422].map((status) => ({
    why: `again after a ${status}`,
    answers: [status, 200],
    items: [{ outcome: "fail", events: ["again-1"] }],
  })),
  ...[429, 500, 599].map((status) => ({
    why: `again after a ${status}`,
    answers: [status, 200],
    items: [{ outcome: "pass" }],
  })),
  ...[200, 399, 402, 499, gatewayOwn(500), null].map((answer) => ({
    why: `nothing is retried after ${JSON.stringify(answer)}`,
    answers: [answer, 200],
    items: [],
  })),
])("RES-01: attempts at one body: $why", ({ answers, items }) => {
  expect(judged("RES-01", sessionOf(attempts(answers)))).toEqual(items)
})

test("RES-01: requests whose bodies are not known are not each other's retries", () => {
  const { llm_request: requests, llm_response } = attempts([500, 200])
  const unknown = requests.map((each) => ({ ...each, bodySha256: null }))
  expect(judged("RES-01", sessionOf({ llm_request: unknown, llm_response }))).toEqual([])
})

test.each([
  {
    why: "no answer was recorded",
    responses: [],
    items: [{ outcome: "unknown", events: ["asked"] }],
  },
  {
    why: "recovery closed it",
    responses: [answerOf({ completeness: "crashed" })],
    items: [{ outcome: "unknown", events: ["asked"] }],
  },
  {
    why: "the gateway answered itself",
    responses: [answerOf({ from_upstream: false, status: 502 })],
    items: [{ outcome: "unknown", events: ["asked"] }],
  },
  {
    why: "the agent hung up",
    responses: [answerOf({ from_upstream: false, status: 0, completeness: "client-gone" })],
    items: [{ outcome: "unknown", events: ["asked"] }],
  },
  {
    why: "it was answered, with whatever status",
    responses: [answerOf({ status: 1 })],
    items: [{ outcome: "pass", events: ["asked"] }],
  },
])("an exchange is what was answered: $why", ({ responses, items }) => {
  const request = { hash: "asked", bodySha256: "body", measured: {} }
  const session = sessionOf({ llm_request: [request], llm_response: responses })
  expect(judged("SAO-02", session)).toEqual(items)
})

test.each([
  { why: "a minute and no lease", ms: 60_000, action: "revoked", isDark: false },
  { why: "more than a minute", ms: 60_001, action: "revoked", isDark: true },
  { why: "a lease that it never used", ms: 1, action: "issued", isDark: true },
])("a session without an exchange: $why", ({ ms, action, isDark }) => {
  const session = sessionOf({
    agent_process_started: [{ hash: "started", measured: {} }],
    agent_process_exited: [{ hash: "exited", measured: { duration_ms: ms } }],
    lease: [{ hash: "lease", measured: { action } }],
  })
  const items = isDark ? [{ outcome: "fail", events: ["started"] }] : []
  expect(judged("SAO-02", { ...session, isAnswered: false })).toEqual(items)
})

test.each([
  { why: "answered", isAnswered: true, window: true, outcomes: ["unknown"] },
  {
    why: "in a window with an answer",
    isAnswered: false,
    window: true,
    outcomes: ["fail", "unknown"],
  },
  { why: "in a window without", isAnswered: false, window: false, outcomes: ["unknown"] },
])("requests without an answer light nothing: $why", ({ isAnswered, window, outcomes }) => {
  const session = {
    ...sessionOf({
      agent_process_started: [{ hash: "started", measured: {} }],
      agent_process_exited: [{ hash: "exited", measured: { duration_ms: 60_001 } }],
      llm_request: [{ hash: "asked", bodySha256: "body", measured: {} }],
    }),
    isAnswered,
    window: { isAnswered: window, isChecked: false },
  }
  const items = judged("SAO-02", session)
  expect(items.map(({ outcome }) => outcome)).toEqual(outcomes)
})

test.each([
  { why: "another body", status: 429, afterMs: 999, outcomes: ["fail"] },
  { why: "another body after a 503", status: 503, afterMs: 999, outcomes: ["fail"] },
  { why: "another body in time", status: 429, afterMs: 1000, outcomes: [] },
  { why: "another provider", status: 429, afterMs: 0, provider: "b", outcomes: [] },
  { why: "no Retry-After", status: 429, afterMs: 0, retryAfter: -1, outcomes: [] },
  { why: "another error", status: 500, afterMs: 0, outcomes: [] },
  { why: "no wait asked for", status: 429, afterMs: 0, retryAfter: 0, outcomes: [] },
  {
    why: "the same body early after a 500",
    at: 5000,
    status: 500,
    afterMs: 999,
    body: "first",
    outcomes: ["fail"],
  },
  {
    why: "the same body in time after a 500",
    status: 500,
    afterMs: 1000,
    body: "first",
    outcomes: ["pass"],
  },
  {
    why: "the same body before its answer",
    status: 500,
    afterMs: 1,
    lseq: 1,
    body: "first",
    outcomes: [],
  },
  { why: "the gateway's own", status: 503, afterMs: 0, fromUpstream: false, outcomes: [] },
  { why: "a request that was on its way", status: 429, afterMs: 0, lseq: 1, outcomes: [] },
  { why: "the same body early", status: 429, afterMs: 1, body: "first", outcomes: ["fail"] },
  { why: "the same body in time", status: 429, afterMs: 1000, body: "first", outcomes: ["pass"] },
])(
  "nothing goes to a provider before its Retry-After: $why",
  ({
    status,
    afterMs,
    outcomes,
    provider = "a",
    retryAfter = 1000,
    fromUpstream = true,
    lseq = 3,
    at = 0,
    body = "second",
  }) => {
    const request = (hash: string, at: object): object => ({ hash, bodySha256: hash, ...at })
    const answer = {
      request_event_hash: "first",
      from_upstream: fromUpstream,
      status,
      retry_after_ms: retryAfter,
    }
    const session = sessionOf({
      llm_request: [
        request("first", { ts: 0, lseq: 0, measured: { provider: "a" } }),
        request("next", { ts: at + afterMs, lseq, bodySha256: body, measured: { provider } }),
      ],
      llm_response: [{ hash: "answer", ts: at, lseq: 2, bodySha256: null, measured: answer }],
    })
    const items = judged("RES-01", session)
    expect(items.map(({ outcome }) => outcome)).toEqual(outcomes)
  },
)

test("a shorter Retry-After does not end a longer one", () => {
  const told = [10_000, 0].map((retryAfter, at) => ({
    hash: `answer-${at}`,
    ts: at,
    lseq: 2 + at,
    measured: {
      request_event_hash: `asked-${at}`,
      from_upstream: true,
      status: 429,
      retry_after_ms: retryAfter,
    },
  }))
  const asked = [0, 0, 9999].map((ts, at) => ({
    hash: `asked-${at}`,
    ts,
    lseq: at === 2 ? 4 : at,
    bodySha256: `${at}`,
    measured: { provider: "a" },
  }))
  const session = sessionOf({ llm_request: asked, llm_response: told })
  expect(judged("RES-01", session)).toEqual([{ outcome: "fail", events: ["asked-2"] }])
})

test("every question has an indicator, and every indicator a question", () => {
  const asked = currentBank.layers.flatMap(({ questions }) => questions.map(({ id }) => id))
  expect([...indicators.keys()].sort()).toEqual(asked.sort())
})

test.each([...indicators.values()])(
  "$id reads facts that are in the catalogue and that something emits",
  (indicator) => {
    const seen = new Set<FactType>()
    const session = sessionOf({}, seen)
    if ("holds" in indicator) indicator.holds(session)
    else indicator.spans(windowOf(session, seen))
    for (const type of [...seen, ...indicator.reads]) {
      expect(factTypes).toContain(type)
      expect(emitted.has(type)).toBe(true)
    }
  },
)

test("all facts that count as emitted are in the catalogue", () => {
  for (const type of emitted) expect(factTypes).toContain(type)
})

function windowOf(session: MeasuredSession, seen: Set<FactType>): MeasuredWindow {
  const nothing = (type: FactType): readonly [] => {
    seen.add(type)
    return []
  }
  return {
    lookMs: 0,
    fromMs: 0,
    toMs: 9,
    isAnswered: true,
    sessions: [
      {
        isServed: session.isServed,
        firstMs: 1,
        lastMs: 2,
        isSeenWhole: true,
        servedDays: new Map(),
        openedBy: "",
      },
    ],
    own: nothing,
    system: nothing,
  }
}

function questionOf(recording: Recording, id: string): ReportedQuestion {
  return scoreRun(recording).questions.find((question) => question.id === id)!
}

/** One body sent again and again, with the answer to each. */
function attempts(
  answers: readonly (number | object | null)[],
): Record<"llm_request" | "llm_response", readonly object[]> {
  const places = answers.map((answer, at) => ({
    answer,
    hash: `again-${at}`,
    ts: at,
    lseq: 2 * at,
  }))
  return {
    llm_request: places.map(({ hash, ts, lseq }) => ({
      hash,
      ts,
      lseq,
      bodySha256: "body",
      measured: {},
    })),
    llm_response: places.flatMap(({ answer, hash, ts, lseq }) => {
      if (answer === null) return []
      const said = typeof answer === "number" ? { status: answer } : answer
      const measured = {
        request_event_hash: hash,
        from_upstream: true,
        retry_after_ms: -1,
        ...said,
      }
      return [{ hash: `answer to ${hash}`, ts, lseq: lseq + 1, bodySha256: null, measured }]
    }),
  }
}

function answerOf(change: object): object {
  const measured = {
    request_event_hash: "asked",
    from_upstream: true,
    status: 200,
    completeness: "complete",
    ...change,
  }
  return { hash: "answered", measured }
}
