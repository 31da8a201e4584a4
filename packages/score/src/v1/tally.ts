import { isAtLeast, type Tier } from "@amc/core"
import { type Bank, gatesOf, type Question, type Severity } from "./bank.ts"
import { fade, fadeOfMissed, type Weight } from "./bound.ts"
import type { Item } from "./indicator.ts"
import { quotient } from "./integer.ts"
import { type Passed, sampleOf } from "./sampling.ts"

/** Where units come from: a session, a day, or a file of others. */
export interface Place {
  readonly id: string
  readonly day: number
  readonly firstMs: number
  readonly lastMs: number
  /** Equal for a session that is played again. */
  readonly replayKey: string
  /** The event that stands for it. */
  readonly lastHash: string
}

/** A place with the items that it adds to a question, and their tier. */
export interface Judged {
  readonly session: Place
  readonly tier: Tier
  readonly items: readonly Item[]
}

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

/** What a level may count. Units, sessions and days are of what passed. */
export interface Standing {
  readonly units: number
  readonly sessions: number
  readonly days: number
  readonly weight: Weight
  /** The part of the passing weight that is OBSERVED_HARDENED. */
  readonly hardened: number
}

/** Takes what passed once and day by day up to the cap, and all that did not pass. */
export function tallyOf(question: Question, judged: readonly Judged[], bank: Bank): Tally {
  const missed = judged.flatMap(({ session, items }) =>
    items.flatMap((item) => missedOf(session, item)),
  )
  const all = judged.flatMap(passedOf)
  return { question, passed: sampleOf(all, bank.day_cap), all, missed }
}

/** The same with other things passed. */
export function withPassed(tally: Tally, all: readonly Passed[], bank: Bank): Tally {
  return { ...tally, all, passed: sampleOf(all, bank.day_cap) }
}

/** What counts at a level, as old as it is on the window's last day. */
export function standingAt(tally: Tally, level: number, bank: Bank, today: number): Standing {
  const counted = countedAt(tally, level, bank, today)
  const [seen, claimed] = [new Sum(), new Sum()]
  for (const each of counted) {
    const weight = each.items * passedWeight(each, tally.question, bank, today)
    const sum = each.tier === "SELF_REPORTED" ? claimed : seen
    sum.add(each, weight)
  }
  // Claims alone reach level 1; above, they add at most two thirds of what was seen (S2).
  const isFirst = level === 1
  const mostClaimed = isFirst ? claimed.weight : quotient(2 * seen.weight, 3)
  const k = seen.weight + Math.min(claimed.weight, mostClaimed)
  return {
    units: seen.units + (isFirst ? claimed.units : 0),
    sessions: seen.sessions + (isFirst ? claimed.sessions : 0),
    days: isFirst ? new Set([...seen.days, ...claimed.days]).size : seen.days.size,
    weight: { k, n: k + missedWeight(tally, today) },
    hardened: seen.hardened,
  }
}

/** What passed, added up. */
class Sum {
  units = 0
  sessions = 0
  weight = 0
  hardened = 0
  readonly days: Set<number> = new Set()

  add({ items, tier, day }: Passed, weight: number): void {
    this.units += items
    this.sessions++
    this.weight += weight
    if (tier === "OBSERVED_HARDENED") this.hardened += weight
    this.days.add(day)
  }
}

export function unitsOf(passed: readonly Passed[]): number {
  return passed.reduce((sum, { items }) => sum + items, 0)
}

/** How many units did not pass. */
export function missedOfAll(missed: readonly Missed[]): number {
  return missed.reduce((sum, { count }) => sum + count, 0)
}

/** What was seen well enough, and lately enough, for a level. */
export function countedAt(
  { question, passed }: Tally,
  level: number,
  bank: Bank,
  today: number,
): readonly Passed[] {
  const gates = gatesOf(question, bank)
  const floor = gates.tiers[level - 1] as Tier
  const oldest = gates.max_age_days?.[level - 1]
  return passed.filter(
    ({ tier, day }) =>
      isAtLeast(tier, floor) && (oldest === undefined || ageOf(day, today) <= oldest),
  )
}

/** What one unit that passed weighs today, in billionths. */
export function passedWeight(
  { tier, day }: Passed,
  { half_life_days: halfLife }: Question,
  bank: Bank,
  today: number,
): number {
  return quotient(bank.tier_weights_per_mille[tier] * fade(ageOf(day, today), halfLife), 1000)
}

/** Failures weigh 1 whatever their tier and fade half as fast, or a failure could be talked down. */
function missedWeight({ question, missed }: Tally, today: number): number {
  return missed.reduce(
    (sum, { day, count }) => sum + count * fadeOfMissed(ageOf(day, today), question.half_life_days),
    0,
  )
}

function ageOf(day: number, today: number): number {
  return Math.max(today - day, 0)
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
