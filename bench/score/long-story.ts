import type { Event } from "@amc/core"
import type { EvidenceEvent } from "@amc/score"
import { goodSession, record, type SessionPlan } from "../../packages/score/src/evidence.fixture.ts"

const dayMs = 86_400_000

/** What is recorded of so many events, made anew each time that it is told: nothing of it is held. */
export interface LongStory {
  readonly sessions: number
  readonly events: number
  readonly runOpened: EvidenceEvent
  told(): Generator<EvidenceEvent>
}

/** Sessions of one kind over some days, each with calls and bodies of its own, and the run after them. */
export function longStory(plan: Partial<SessionPlan>, events: number, days: number): LongStory {
  const once = record({ sessions: [{ ...goodSession, ...plan }], endDay: days - 1 })
  const session = once.events.slice(0, -1)
  const run = once.events.at(-1) as EvidenceEvent
  const sessions = Math.ceil(events / session.length)
  const perDay = Math.ceil(sessions / days)
  const lengthOf = (agent: string): number =>
    session.filter(({ event }) => event.agent === agent).length
  const timeOf = (at: number): number =>
    Math.floor(at / perDay) * dayMs + (at % perDay) * Math.floor(dayMs / perDay)
  const copy = ({ hash, event }: EvidenceEvent, at: number): EvidenceEvent => {
    const own = (text: string): string => at.toString(16).padStart(12, "0") + text.slice(12)
    const measured = { ...event.facts.measured } as Record<string, unknown>
    for (const name of ["request_event_hash", "lease_id"])
      if (name in measured) measured[name] = own(measured[name] as string)
    const copied = {
      ...event,
      lseq: event.lseq + at * session.length,
      aseq: event.aseq + at * lengthOf(event.agent),
      ts: event.ts + timeOf(at),
      session: event.session === null ? null : `session-${at}`,
      payload: event.payload && { ...event.payload, sha256: own(event.payload.sha256) },
      facts: { measured, reported: { ...event.facts.reported } },
    }
    return { hash: own(hash), event: copied as Event }
  }
  return {
    sessions,
    events: sessions * session.length,
    runOpened: openingAfter(run, session, (each) => copy(each, sessions - 1)),
    *told() {
      for (let at = 0; at < sessions; at++) for (const each of session) yield copy(each, at)
    },
  }
}

/** The run's opening, with the heads of the last session. */
function openingAfter(
  { hash, event }: EvidenceEvent,
  session: readonly EvidenceEvent[],
  last: (each: EvidenceEvent) => EvidenceEvent,
): EvidenceEvent {
  if (event.type !== "run_opened") throw new TypeError("not the opening of a run")
  const ends = event.facts.measured.heads.map((head) => {
    const end = session.findLast((each) => each.event.agent === head.agent)
    if (end === undefined) throw new TypeError(`${head.agent} has no event`)
    const { hash: event_hash, event: lastEvent } = last(end)
    return { ...head, aseq: lastEvent.aseq, event_hash }
  })
  const all = last(session.at(-1) as EvidenceEvent)
  const own = ends.find(({ agent }) => agent === event.agent)
  const place = { lseq: all.event.lseq + 1, aseq: (own?.aseq ?? -1) + 1 }
  const to = Math.max(event.ts, all.event.ts)
  const measured = { ...event.facts.measured, heads: ends, window_to_ms: to }
  return { hash, event: { ...event, ...place, ts: to, facts: { measured, reported: {} } } }
}
