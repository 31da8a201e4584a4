import type { Event } from "@amc/core"
import { expect, test } from "vitest"
import { goodSession, record, type SessionPlan } from "../evidence.fixture.ts"
import { agent, day, digest, start } from "../lane.fixture.ts"
import type { EvidenceEvent } from "./evidence.ts"
import type { Item } from "./judged.ts"
import { boundedItems, type JudgedSession, judgedSession } from "./judged-session.ts"
import { sessionsOf } from "./sessions.fixture.ts"

const window = { isAnswered: true, isChecked: true }

function judgedOf(
  plan: Partial<SessionPlan>,
  change: (each: EvidenceEvent) => EvidenceEvent = (each) => each,
  isGapped: boolean = false,
): JudgedSession {
  const { events } = record({ sessions: [{ ...goodSession, ...plan }] })
  const [session] = sessionsOf(events.map(change), agent, 0)
  return judgedSession(session!, { window, isGapped })
}

function withMeasured(type: string, measured: object, ts?: number) {
  return (each: EvidenceEvent): EvidenceEvent => {
    if (each.event.type !== type) return each
    const facts = { ...each.event.facts, measured: { ...each.event.facts.measured, ...measured } }
    return { ...each, event: { ...each.event, ts: ts ?? each.event.ts, facts } as Event }
  }
}

test("a session is seen whole where no gap lay in it", () => {
  expect(judgedOf({}).isSeenWhole).toBe(true)
  expect(judgedOf({}, undefined, true).isSeenWhole).toBe(false)
  expect(judgedOf({ isTruncated: true }).isSeenWhole).toBe(false)
})

test("holds what is judged of it and no question without any", () => {
  const { judged } = judgedOf({ calls: 0, passed: null })
  for (const { items } of judged.values()) expect(items.length).toBeGreaterThan(0)
  expect(judged.has("RES-01")).toBe(false)
  expect(judged.get("SAO-02")?.items).toMatchObject([{ outcome: "fail" }])
})

test("keys that are longer than a digest are held as one", () => {
  const keyOf = (calls: number): string => judgedOf({ calls, waitMs: null }).replayKey
  expect(keyOf(0)).toBe("")
  expect(keyOf(1)).toBe(digest("task 0"))
  expect(keyOf(2)).toBe(digest(`${digest("task 0")} ${digest("task 1")}`))
  expect(keyOf(9)).toHaveLength(64)
})

test.each([
  { status: 199, from_upstream: true, days: [] },
  { status: 200, from_upstream: true, days: [20_003] },
  { status: 299, from_upstream: true, days: [20_003] },
  { status: 300, from_upstream: true, days: [] },
  { status: 200, from_upstream: false, days: [] },
])("an answer of $status, from its provider: $from_upstream, serves $days", (row) => {
  const { status, from_upstream, days } = row
  const answered = withMeasured("llm_response", { status, from_upstream }, start + 3 * day)
  const { servedDays } = judgedOf({ calls: 1, waitMs: null }, answered)
  expect([...servedDays.keys()]).toEqual(days)
})

test("says what opened it and for which providers", () => {
  const { openedBy, providers, replayKey } = judgedOf({})
  expect(openedBy).toBe(digest("lane-1 1"))
  expect(providers.map(({ provider }) => provider)).toEqual(["openai"])
  expect(replayKey).toHaveLength(64)
  const unopened = judgedOf({}, (each) =>
    each.event.type === "session_open"
      ? { ...each, event: { ...each.event, type: "lease" } as unknown as Event }
      : each,
  )
  expect([unopened.openedBy, unopened.providers]).toEqual(["", []])
})

test.each([10, 11, 25])("%i units that went alike stand in ten, the last for the rest", (calls) => {
  const { judged } = judgedOf({ calls, waitMs: null, isAborted: true, maxCalls: 9 })
  const items = judged.get("SAO-02")!.items.filter(({ outcome }) => outcome === "unknown")
  expect(items).toHaveLength(10)
  const counts = items.map(({ count = 1 }) => count)
  expect(counts).toEqual([...Array<number>(9).fill(1), calls - 9])
  const hashes = items.map(({ events }) => events![0]!)
  // The lowest hashes, in their order, once there are more than stand for themselves.
  const all = record({ sessions: [{ ...goodSession, calls, waitMs: null, isAborted: true }] })
    .events.filter(({ event }) => event.type === "llm_request")
    .map(({ hash }) => hash)
  expect(hashes.toSorted()).toEqual(all.toSorted().slice(0, 10))
  // A dark session's failure beside them, and what breaks a limit, stand as they are.
  expect(judged.get("SAO-02")!.items.filter(({ outcome }) => outcome === "fail")).toHaveLength(1)
  expect(judged.get("LA-05")?.items).toMatchObject([{ outcome: "fail", veto: "high" }])
})

test("so many that failed stand in the order that they came", () => {
  const items = ["c", "a", "b"].map((hash): Item => ({ outcome: "fail", events: [hash] }))
  expect(boundedItems(items)).toEqual(items)
})

test("a veto stands for itself among many, and what is merged keeps its count", () => {
  const of = (outcome: Item["outcome"], from: number, count: number): Item[] =>
    Array.from({ length: 11 }, (_, at) => ({ outcome, count, events: [`${from + at}`] }))
  const veto: Item = { outcome: "fail", veto: "critical", events: ["99"] }
  const items = boundedItems([...of("unknown", 40, 3), ...of("fail", 20, 2), veto])
  expect(items).toHaveLength(21)
  expect(items[0]).toEqual(veto)
  expect([items[10], items[20]]).toEqual([
    { outcome: "fail", count: 4, events: ["29"] },
    { outcome: "unknown", count: 6, events: ["49"] },
  ])
  expect(items.slice(1, 10).every(({ outcome, count }) => outcome === "fail" && count === 2)).toBe(
    true,
  )
})

test("units that passed are bounded too, in the order that they came", () => {
  const { judged } = judgedOf({ calls: 30, waitMs: null })
  const items = judged.get("SAO-02")!.items
  expect(items).toHaveLength(10)
  expect(items.at(-1)).toMatchObject({ outcome: "pass", count: 21 })
  const all = record({ sessions: [{ ...goodSession, calls: 30, waitMs: null }] }).events
  const requests = all.filter(({ event }) => event.type === "llm_request").map(({ hash }) => hash)
  expect(items.map(({ events }) => events![0])).toEqual(requests.slice(0, 10))
})
