import type { EvidenceEvent } from "./evidence.ts"
import { isOfSession, type Session, sessionOf } from "./session.ts"

/** The sessions of an agent that have an event at or after a time, in the order of their opening. */
export function sessionsOf(
  events: readonly EvidenceEvent[],
  of: string,
  fromMs: number,
): readonly Session[] {
  const groups = new Map<string, EvidenceEvent[]>()
  for (const each of events) {
    const { session } = each.event
    if (session === null || !isOfSession(each.event, of)) continue
    const group = groups.get(session)
    if (group === undefined) groups.set(session, [each])
    else group.push(each)
  }
  const sessions = [...groups].map(([id, group]) => sessionOf(id, group))
  return sessions.filter(({ lastMs }) => lastMs >= fromMs)
}
