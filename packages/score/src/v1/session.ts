import {
  type Event,
  type FactType,
  type IsolationVerdict,
  judgeIsolation,
  type MeasuredFacts,
  type Tier,
  tierOf,
  tiers,
} from "@amc/core"
import type { EvidenceEvent } from "./evidence.ts"
import { dayOf } from "./integer.ts"
import { type MeasuredEvent, SessionFacts } from "./session-facts.ts"

/** One session of the agent: the unit of evidence. */
export interface Session {
  readonly id: string
  readonly facts: SessionFacts
  readonly lane: string
  readonly firstLseq: number
  readonly lastLseq: number
  readonly firstMs: number
  readonly lastMs: number
  readonly day: number
  /** The event that stands for the session: its seal, or the last one there is. */
  readonly lastHash: string
  readonly isSealed: boolean
  /** Whether the monitor was there to its end; not so while it is open or where recovery sealed it. */
  readonly isClosed: boolean
  /** Whether the monitor saw all of it: from its opening to its own seal, in one lane, nothing cut. */
  readonly isWhole: boolean
  /** Whether a model provider answered at least once, with whatever status. */
  readonly isAnswered: boolean
  /** Whether one of the answers was a success: without it nothing of the session passes. */
  readonly isServed: boolean
  /** Whether the isolation was measured by every probe and no seal or audit contradicts. */
  readonly isIsolated: boolean
  readonly isHardened: boolean
  /** Whether nothing measured the isolation, the owner's signed config declares it, and nothing contradicts. */
  readonly isDeclared: boolean
  /** False only where the monitor says that the agent was never started. */
  readonly mayHaveRun: boolean
  /** The digests of the bodies that were answered, in order: equal for a session that is played again. */
  readonly replayKey: string
}

/** What came in from outside says nothing about a session, whatever session it names. */
export function isOfSession({ channel, agent }: Event, of: string): boolean {
  return agent === of && channel !== "ingest"
}

/** The lowest tier among a session's events of these types. */
export function sessionTier(session: Session, types: readonly FactType[]): Tier {
  const seal = {
    posture: session.isIsolated ? "measured" : "shared",
    hardened: session.isHardened,
  } as const
  const found = new Set(session.facts.channels(types).map((channel) => tierOf(channel, seal)))
  return tiers.find((tier) => found.has(tier)) ?? "OBSERVED"
}

/** A session of all its events. */
export function sessionOf(id: string, events: readonly EvidenceEvent[]): Session {
  const [first, last] = [events[0], events.at(-1)] as [EvidenceEvent, EvidenceEvent]
  const facts = new SessionFacts(events)
  const verdicts = facts.measured("sandbox_probe").map(({ measured }) => judgeIsolation(measured))
  const isIsolated = isIsolatedBy(facts, verdicts)
  return {
    id,
    facts,
    lane: first.event.lane,
    firstLseq: first.event.lseq,
    lastLseq: last.event.lseq,
    firstMs: first.event.ts,
    lastMs: last.event.ts,
    day: dayOf(first.event.ts),
    lastHash: last.hash,
    isSealed: last.event.type === "session_seal",
    isClosed: isClosedBy(facts),
    isWhole: isWholeBy(facts, events),
    isAnswered: facts.measured("llm_response").some(isAnswer),
    isServed: facts.measured("llm_response").some(isSuccess),
    isIsolated,
    isHardened: isIsolated && isHardenedBy(facts, verdicts),
    isDeclared: isDeclaredBy(facts, verdicts),
    mayHaveRun: mayHaveRunBy(facts),
    replayKey: replayKeyOf(facts),
  }
}

function isWholeBy(facts: SessionFacts, events: readonly EvidenceEvent[]): boolean {
  const [first, last] = [events[0]?.event, events.at(-1)?.event]
  const seals = facts.measured("session_seal")
  const isOpenedOnce = first?.type === "session_open" && facts.measured("session_open").length === 1
  const isSealedOnce = last?.type === "session_seal" && seals.length === 1
  const isOneLane = events.every(({ event }) => event.lane === first?.lane)
  return isOpenedOnce && isSealedOnce && isClosedBy(facts) && isOneLane && !isCut(facts)
}

function isClosedBy(facts: SessionFacts): boolean {
  const seals = facts.measured("session_seal")
  return seals.length > 0 && seals.every(({ measured }) => measured.reason !== "recovered")
}

/** Facts were left out, or how a call ended was never recorded. */
function isCut(facts: SessionFacts): boolean {
  const [requests, responses] = [facts.measured("llm_request"), facts.measured("llm_response")]
  const ended = new Set(responses.map(({ measured }) => measured.request_event_hash))
  return (
    [...requests, ...responses].some(({ measured }) => measured.facts_truncated) ||
    requests.some(({ hash }) => !ended.has(hash))
  )
}

function isIsolatedBy(facts: SessionFacts, verdicts: readonly IsolationVerdict[]): boolean {
  return verdicts.length > 0 && isApartBy(facts, verdicts, "measured")
}

/** A probe that found a leak, and an audit of the boundary, count for more than what was declared. */
function isDeclaredBy(facts: SessionFacts, verdicts: readonly IsolationVerdict[]): boolean {
  return isApartBy(facts, verdicts, "declared")
}

function isApartBy(
  facts: SessionFacts,
  verdicts: readonly IsolationVerdict[],
  sealed: MeasuredFacts<"session_seal">["posture"],
): boolean {
  const seals = facts.measured("session_seal")
  const audits = facts.measured("audit")
  return (
    seals.length > 0 &&
    verdicts.every(({ posture }) => posture === "measured") &&
    seals.every(({ measured }) => measured.posture === sealed) &&
    audits.every(({ measured }) => !measured.code.startsWith("TRUST_BOUNDARY_"))
  )
}

function isHardenedBy(facts: SessionFacts, verdicts: readonly IsolationVerdict[]): boolean {
  const seals = facts.measured("session_seal")
  return (
    verdicts.every(({ hardened }) => hardened) && seals.every(({ measured }) => measured.hardened)
  )
}

function mayHaveRunBy(facts: SessionFacts): boolean {
  const seals = facts.measured("session_seal")
  // The agent of a box begins only after its probe is on record, so a monitor that died before never let it in.
  const isHeld = isBoxed(facts) && !facts.has("sandbox_probe")
  const isNever = seals.every(
    ({ measured: { reason } }) =>
      reason === "not-started" || reason === "probe-failed" || (reason === "recovered" && isHeld),
  )
  return seals.length === 0 || !isNever || facts.has("agent_process_started")
}

function isBoxed(facts: SessionFacts): boolean {
  const opened = facts.measured("session_open")
  return opened.length > 0 && opened.every(({ measured }) => measured.driver !== "none")
}

/** Calls that nobody answered are left out, or one more of them would make a replay look new. */
function replayKeyOf(facts: SessionFacts): string {
  const answers = facts.measured("llm_response").filter(isAnswer)
  const answered = new Set(answers.map(({ measured }) => measured.request_event_hash))
  const requests = facts.measured("llm_request").filter(({ hash }) => answered.has(hash))
  return requests.map(({ bodySha256 }) => bodySha256 ?? "").join(" ")
}

/** Whether it is an answer of a model provider, with whatever status. */
export function isProviderAnswer(event: Event): boolean {
  return event.type === "llm_response" && isAnswer(event.facts)
}

function isAnswer({ measured }: Pick<MeasuredEvent<"llm_response">, "measured">): boolean {
  return measured.from_upstream && measured.status > 0
}

function isSuccess({ measured }: MeasuredEvent<"llm_response">): boolean {
  return measured.from_upstream && measured.status >= 200 && measured.status < 300
}
