import type { Bank, Question, Severity } from "./bank.ts"
import { type Passed, sampleOf } from "./sampling.ts"
import type { Item, Judged, Place } from "./judged.ts"

/** Items that failed or are unknown. */
export interface Missed {
  readonly session: string
  readonly outcome: "fail" | "unknown"
  readonly day: number
  readonly lastMs: number
  readonly count: number
  readonly stretch: number
  readonly hash: string
  readonly veto: Severity | undefined
}

/** All that the window holds about one question. */
export interface Tally {
  readonly question: Question
  /** What counts of all that passed. */
  readonly passed: readonly Passed[]
  /** All that passed, replays and what is over the day's cap included. */
  readonly all: readonly Passed[]
  readonly missed: readonly Missed[]
}

/** Takes what passed once and day by day up to the cap, and all that did not pass. */
export function tallyOf(question: Question, judged: readonly Judged[], bank: Bank): Tally {
  const missed = judged.flatMap(({ session, items }) =>
    items.flatMap((item) => missedOf(session, item)),
  )
  const all = judged.flatMap(passedOf)
  return { question, passed: sampleOf(all, bank.day_cap), all, missed }
}

export function unitsOf(passed: readonly Passed[]): number {
  return passed.reduce((sum, { items }) => sum + items, 0)
}

/** How many units did not pass. */
export function missedOfAll(missed: readonly Missed[]): number {
  return missed.reduce((sum, { count }) => sum + count, 0)
}

function passedOf({ session, items, tier }: Judged): Passed[] {
  const passes = items.filter(({ outcome }) => outcome === "pass")
  const { id, day, firstMs: ms, replayKey, lastHash } = session
  const count = passes.reduce((sum, item) => sum + countOf(item), 0)
  if (count === 0) return []
  const hash = passes[0]?.events?.[0] ?? lastHash
  return [{ session: id, day, ms, replayKey, tier, items: count, hash }]
}

function missedOf({ id, day, lastMs, lastHash }: Place, item: Item): Missed[] {
  const { outcome, events, veto, stretch = 0 } = item
  if (outcome === "pass") return []
  const hash = events?.[0] ?? lastHash
  return [{ session: id, outcome, day, lastMs, count: countOf(item), stretch, hash, veto }]
}

function countOf({ count = 1 }: Item): number {
  return count
}
