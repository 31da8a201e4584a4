import { type Tier, tiers } from "@amc/core"
import { byText } from "./integer.ts"

/** What passed in one session. */
export interface Passed {
  readonly session: string
  readonly day: number
  /** When it began. */
  readonly ms: number
  readonly replayKey: string
  readonly tier: Tier
  readonly items: number
  /** An event that stands for it. */
  readonly hash: string
}

/**
 * What may count of all that passed: sessions of one day that sent the same bodies count once, and of
 * each day at most so many sessions. The best are taken, so that nothing that is added or that passes
 * less well can make more count.
 */
export function sampleOf<T extends Passed>(passed: readonly T[], dayCap: number): readonly T[] {
  return [...daysOf(passed).values()].flatMap((ofDay) => bestOf(ofDay, dayCap))
}

/** What passed on each day, the best of it first. */
export function daysOf<T extends Passed>(passed: readonly T[]): ReadonlyMap<number, readonly T[]> {
  const days = Map.groupBy(passed, ({ day }) => day)
  for (const ofDay of days.values()) ofDay.sort(byWorth)
  return days
}

/** Of what passed on a day, the best first, so much as may count. */
export function bestOf<T extends Passed>(ofDay: readonly T[], dayCap: number): readonly T[] {
  const best = new Map<string, T>()
  for (const each of ofDay) {
    if (best.size === dayCap) break
    if (!best.has(each.replayKey)) best.set(each.replayKey, each)
  }
  return [...best.values()]
}

function byWorth(a: Passed, b: Passed): number {
  const byTier = tiers.indexOf(b.tier) - tiers.indexOf(a.tier)
  return byTier || b.items - a.items || byText(a.session, b.session)
}
