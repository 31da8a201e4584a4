import type { VerifiedBundle } from "./bundle.ts"
import type { CheckedEvent } from "./session-check.ts"

/** What a later bundle of an agent's rests on otherwise than an earlier one. */
export interface EvidenceDiff {
  readonly events: { readonly shared: number; readonly only_from: number; readonly only_to: number }
  /** Whether all evidence of the earlier bundle is in the later one: one history, and nothing of it left out. */
  readonly continues: boolean
  /** Sessions by id, in order of their events, that only one of the two holds. */
  readonly sessions: { readonly only_from: readonly string[]; readonly only_to: readonly string[] }
  readonly checkpoints: {
    readonly from: VerifiedBundle["checkpoint"]
    readonly to: VerifiedBundle["checkpoint"]
  }
}

/** Compares the evidence of two bundles that were verified under one root, event by event. */
export function diffEvidence(from: VerifiedBundle, to: VerifiedBundle): EvidenceDiff {
  const [before, after] = [[...from.evidence.events], [...to.evidence.events]]
  const [gone, added] = [without(before, after), without(after, before)]
  return {
    events: {
      shared: before.length - gone.length,
      only_from: gone.length,
      only_to: added.length,
    },
    continues: gone.length === 0,
    sessions: {
      only_from: sessionsOnly(before, after),
      only_to: sessionsOnly(after, before),
    },
    checkpoints: { from: from.checkpoint, to: to.checkpoint },
  }
}

function without(
  events: readonly CheckedEvent[],
  others: readonly CheckedEvent[],
): readonly CheckedEvent[] {
  const hashes = new Set(others.map(({ hash }) => hash))
  return events.filter(({ hash }) => !hashes.has(hash))
}

function sessionsOnly(
  events: readonly CheckedEvent[],
  others: readonly CheckedEvent[],
): readonly string[] {
  const theirs = sessionsOf(others)
  return [...sessionsOf(events)].filter((session) => !theirs.has(session))
}

function sessionsOf(events: readonly CheckedEvent[]): ReadonlySet<string> {
  return new Set(events.flatMap(({ event }) => event.session ?? []))
}
