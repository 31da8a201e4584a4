import type { AuditCode } from "@amc/core"
import { expect, test } from "vitest"
import { record, type SessionPlan } from "../evidence.fixture.ts"
import type { EvidenceEvent } from "../index.ts"
import { agent, day, start } from "../lane.fixture.ts"
import { sessionTier } from "./session.ts"
import { sessionsOf } from "./sessions.fixture.ts"

test.each<{
  why: string
  plan: Partial<SessionPlan>
  isWhole: boolean
  isIsolated: boolean
  isHardened: boolean
}>([
  { why: "hardened", plan: {}, isWhole: true, isIsolated: true, isHardened: true },
  {
    why: "isolated",
    plan: { box: "isolated" },
    isWhole: true,
    isIsolated: true,
    isHardened: false,
  },
  { why: "leaky", plan: { box: "leaky" }, isWhole: true, isIsolated: false, isHardened: false },
  {
    why: "without a box",
    plan: { box: "none" },
    isWhole: true,
    isIsolated: false,
    isHardened: false,
  },
  {
    why: "not sealed",
    plan: { end: "open" },
    isWhole: false,
    isIsolated: false,
    isHardened: false,
  },
  {
    why: "sealed by recovery",
    plan: { end: "recovered" },
    isWhole: false,
    isIsolated: true,
    isHardened: false,
  },
  { why: "cut", plan: { isTruncated: true }, isWhole: false, isIsolated: true, isHardened: true },
])("tells a session that is $why", ({ plan, isWhole, isIsolated, isHardened }) => {
  const [session] = sessionsOf(record({ sessions: [plan] }).events, agent, 0)
  expect(session).toMatchObject({ isWhole, isIsolated, isHardened, isAnswered: true })
})

test.each<{
  why: string
  change: (each: EvidenceEvent) => EvidenceEvent | undefined
  lost: string
}>([
  { why: "a seal that says shared", change: sealed({ posture: "shared" }), lost: "isIsolated" },
  {
    why: "a seal that says it is not hardened",
    change: sealed({ hardened: false }),
    lost: "isHardened",
  },
  {
    why: "an opening that is missing",
    change: (each) => (each.event.type === "session_open" ? undefined : each),
    lost: "isWhole",
  },
  { why: "an event in another lane", change: elsewhere, lost: "isWhole" },
  {
    why: "a call whose end was never recorded",
    change: (each) => (each.event.type === "llm_response" ? undefined : each),
    lost: "isWhole",
  },
])("$why counts against it", ({ change, lost }) => {
  const { events } = record({ sessions: [{}] })
  const changed = events.flatMap((each) => change(each) ?? [])
  expect(sessionsOf(events, agent, 0)[0]).toMatchObject({ [lost]: true })
  expect(sessionsOf(changed, agent, 0)[0]).toMatchObject({ [lost]: false })
})

test.each([
  { why: "a success", plan: {}, isAnswered: true, isServed: true },
  { why: "one success after an error", plan: { calls: 2 }, isAnswered: true, isServed: true },
  { why: "an error", plan: { answerStatus: 404 }, isAnswered: true, isServed: false },
  { why: "a not-modified", plan: { answerStatus: 304 }, isAnswered: true, isServed: false },
  { why: "a call that was aborted", plan: { isAborted: true }, isAnswered: false, isServed: false },
  { why: "no call", plan: { calls: 0 }, isAnswered: false, isServed: false },
])("an answer may be an error, which serves nothing: $why", ({ plan, isAnswered, isServed }) => {
  const [session] = sessionsOf(record({ sessions: [plan] }).events, agent, 0)
  expect(session).toMatchObject({ isAnswered, isServed })
})

test("a tier is the lowest of the facts that are read", () => {
  const { events } = record({ sessions: [{}] })
  const [session] = sessionsOf(events, agent, 0)
  expect(sessionTier(session!, ["llm_request", "outcome"])).toBe("OBSERVED_HARDENED")
  const byOwner = events.map((each) => withChannel(each, "outcome", "owner"))
  const [claimed] = sessionsOf(byOwner, agent, 0)
  expect(sessionTier(claimed!, ["outcome"])).toBe("SELF_REPORTED")
  expect(sessionTier(claimed!, ["llm_request"])).toBe("OBSERVED_HARDENED")
  expect(sessionTier(claimed!, ["llm_request", "outcome"])).toBe("SELF_REPORTED")
  const byLoopback = events.map((each) => withChannel(each, "llm_request", "gateway:loopback"))
  expect(sessionTier(sessionsOf(byLoopback, agent, 0)[0]!, ["llm_request"])).toBe("OBSERVED")
})

test("a seal can't make a leaky box isolated", () => {
  const { events } = record({ sessions: [{ box: "leaky" }] })
  const changed = events.map(sealed({ posture: "measured", hardened: true }))
  expect(sessionsOf(changed, agent, 0)[0]).toMatchObject({ isIsolated: false, isHardened: false })
})

test("a session that is declared isolated is observed at most, and its seal alone says so", () => {
  const { events } = record({ sessions: [{ box: "declared" }] })
  const [session] = sessionsOf(events, agent, 0)
  expect(session).toMatchObject({ isDeclared: true, isIsolated: false, isHardened: false })
  expect(sessionTier(session!, ["llm_request", "outcome"])).toBe("OBSERVED")
  const hardened = sessionsOf(events.map(sealed({ hardened: true })), agent, 0)[0]!
  expect(sessionTier(hardened, ["llm_request"])).toBe("OBSERVED")
})

test.each<{ why: string; plan: Partial<SessionPlan>; posture?: "measured" | "declared" }>([
  { why: "a probe that found a leak", plan: { box: "leaky" }, posture: "declared" },
  { why: "a seal that says shared", plan: { box: "none" } },
  { why: "a seal that says measured, without a probe", plan: { box: "none" }, posture: "measured" },
  { why: "recovery's seal", plan: { box: "declared", end: "recovered" } },
  { why: "no seal", plan: { box: "declared", end: "open" } },
])("nothing is declared isolated against $why", ({ plan, posture }) => {
  const { events } = record({ sessions: [plan] })
  const said = posture === undefined ? events : events.map(sealed({ posture }))
  expect(sessionsOf(said, agent, 0)[0]).toMatchObject({ isDeclared: false, isIsolated: false })
})

test.each(["TRUST_BOUNDARY_VIOLATED", "TRUST_BOUNDARY_SHARED"] as const)(
  "an audit %s of the session counts for more than what is declared",
  (code) => {
    const { events } = record({ sessions: [{ box: "declared", isStopped: true }] })
    const audited = events.map((each) => withCode(each, code))
    expect(sessionsOf(events, agent, 0)[0]).toMatchObject({ isDeclared: true })
    expect(sessionsOf(audited, agent, 0)[0]).toMatchObject({ isDeclared: false })
  },
)

test("a claim that names a session is no part of it", () => {
  const { events } = record({ sessions: [{}], claims: [{ question: "SK-02", level: 5 }] })
  const [claim, ...others] = events as [EvidenceEvent, ...EvidenceEvent[]]
  const session = others.find(({ event }) => event.session !== null)!.event.session
  const named = { ...claim, event: { ...claim.event, session } }
  for (const mixed of [
    [named, ...others],
    [...others, named],
  ])
    expect(sessionsOf(mixed, agent, 0)).toMatchObject([{ id: session, isWhole: true }])
})

test("takes the sessions of one agent that reach into the window", () => {
  const { events } = record({ sessions: [{ day: 0 }, { day: 5, task: "later" }] })
  expect(sessionsOf(events, agent, start + 5 * day)).toHaveLength(1)
  expect(sessionsOf(events, agent, 0)).toHaveLength(2)
  expect(sessionsOf(events, "somebody", 0)).toHaveLength(0)
})

function sealed(change: object): (each: EvidenceEvent) => EvidenceEvent {
  return (each) => {
    if (each.event.type !== "session_seal") return each
    const facts = { measured: { ...each.event.facts.measured, ...change }, reported: {} }
    return { ...each, event: { ...each.event, facts } }
  }
}

function withCode(each: EvidenceEvent, code: AuditCode): EvidenceEvent {
  if (each.event.type !== "audit") return each
  const facts = { measured: { ...each.event.facts.measured, code }, reported: {} }
  return { ...each, event: { ...each.event, facts } }
}

function elsewhere(each: EvidenceEvent): EvidenceEvent {
  return each.event.type === "lease" ? { ...each, event: { ...each.event, lane: "lane-2" } } : each
}

function withChannel(
  each: EvidenceEvent,
  type: string,
  channel: "owner" | "gateway:loopback",
): EvidenceEvent {
  return each.event.type === type ? { ...each, event: { ...each.event, channel } } : each
}
