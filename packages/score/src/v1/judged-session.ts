import { type MeasuredFacts, sha256Hex, utf8 } from "@amc/core"
import { judge, type Surroundings } from "./indicator.ts"
import { indicators } from "./indicators.ts"
import { byText, dayOf } from "./integer.ts"
import type { Item, Judged, Place } from "./judged.ts"
import { type Session, sessionTier } from "./session.ts"
import { type SurveyedSession, surveySession } from "./survey-session.ts"

/** What a session comes to, without its events. It is as large for ten calls as for ten thousand. */
export interface JudgedSession extends Omit<Session, "facts"> {
  /** Whether the monitor saw all of it, and no gap lay in it. */
  readonly isSeenWhole: boolean
  /** What it adds to each question that is about sessions. */
  readonly judged: ReadonlyMap<string, Judged>
  /** The days on which a provider answered with success, each with an event that says so. */
  readonly servedDays: ReadonlyMap<number, string>
  /** The event that opened it, or an empty text. */
  readonly openedBy: string
  readonly providers: MeasuredFacts<"session_open">["providers"]
  readonly surveyed: SurveyedSession
}

/** So many items of an outcome stand for themselves: as many as a report names for a question. */
const itemsMost = 10

/** Judges a session whose events are all there. */
export function judgedSession(
  session: Session,
  terms: { readonly window: Surroundings; readonly isGapped: boolean },
): JudgedSession {
  const { facts, ...rest } = session
  const isSeenWhole = session.isWhole && !terms.isGapped
  const replayKey = shortKey(session.replayKey)
  const { id, day, firstMs, lastMs, lastHash } = session
  const place: Place = { id, day, firstMs, lastMs, replayKey, lastHash }
  const judged = [...indicators.values()].flatMap((indicator): [string, Judged][] => {
    if ("spans" in indicator) return []
    const items = boundedItems(judge(indicator, session, { window: terms.window, isSeenWhole }))
    return [[indicator.id, { session: place, tier: sessionTier(session, indicator.reads), items }]]
  })
  const opened = facts.measured("session_open")
  return {
    ...rest,
    replayKey,
    isSeenWhole,
    judged: new Map(judged.filter(([, { items }]) => items.length > 0)),
    servedDays: servedDaysOf(session),
    openedBy: opened[0]?.hash ?? "",
    providers: opened.flatMap(({ measured }) => measured.providers),
    surveyed: surveySession(session, terms.isGapped),
  }
}

/** Keys are only compared, and this one grows with each call. */
function shortKey(key: string): string {
  return key.length > 64 ? sha256Hex(utf8(key)) : key
}

function servedDaysOf({ facts }: Session): ReadonlyMap<number, string> {
  const served = facts
    .measured("llm_response")
    .filter(
      ({ measured: { from_upstream: fromUpstream, status } }) =>
        fromUpstream && status >= 200 && status < 300,
    )
  return new Map(served.map(({ ts, hash }) => [dayOf(ts), hash]))
}

/**
 * The same in at most so many items of an outcome, the last of which stands for the rest. Of those that missed the
 * ones with the lowest hashes stay, since a report names those; a veto always stays.
 */
export function boundedItems(items: readonly Item[]): readonly Item[] {
  if (items.length <= itemsMost) return items
  const of = (outcome: Item["outcome"]): readonly Item[] =>
    items.filter((item) => !isVeto(item) && item.outcome === outcome)
  const byHash = (outcome: Item["outcome"]): readonly Item[] =>
    of(outcome).toSorted((a, b) => byText(a.events?.[0] ?? "", b.events?.[0] ?? ""))
  return [
    ...items.filter(isVeto),
    ...[byHash("fail"), byHash("unknown"), of("pass")].flatMap(merged),
  ]
}

function isVeto({ veto }: Item): boolean {
  return veto !== undefined
}

function merged(items: readonly Item[]): readonly Item[] {
  const [kept, rest] = [items.slice(0, itemsMost), items.slice(itemsMost)]
  const last = kept.at(-1)
  if (last === undefined || rest.length === 0) return kept
  const count = rest.reduce((sum, item) => sum + (item.count ?? 1), last.count ?? 1)
  return [...kept.slice(0, -1), { ...last, count }]
}
