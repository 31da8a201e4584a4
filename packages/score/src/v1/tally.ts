import { isAtLeast, type Tier } from "@amc/core"
import type { Bank, Question, Severity } from "./bank.ts"
import { fade, type Weight, wholeUnit } from "./bound.ts"
import type { Item } from "./indicator.ts"
import { quotient } from "./integer.ts"
import { type Passed, sampleOf } from "./sampling.ts"

/** Where units come from: a session, or a file of others. */
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

/** An item that failed or is unknown. */
export interface Missed {
  readonly outcome: "fail" | "unknown"
  readonly day: number
  readonly hash: string
  readonly veto: Severity | undefined
}

/** All that the window holds about one question. */
export interface Tally {
  readonly question: Question
  readonly passed: readonly Passed[]
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
  return { question, passed: sampleOf(judged.flatMap(passedOf), bank.day_cap), missed }
}

/** What counts at a level, as old as it is on the window's last day. */
export function standingAt(tally: Tally, level: number, bank: Bank, today: number): Standing {
  const floor = bank.profiles[tally.question.profile].tiers[level - 1] as Tier
  const counted = tally.passed.filter(({ tier }) => isAtLeast(tier, floor))
  const seen = counted.filter(({ tier }) => tier !== "SELF_REPORTED")
  const weigh = (passed: readonly Passed[]): number => weightOf(passed, tally.question, bank, today)
  const [seenWeight, whole] = [weigh(seen), weigh(counted)]
  // Claims alone reach level 1; above, they add at most two thirds of what was seen (S2).
  const mostClaimed = level === 1 ? whole : quotient(2 * seenWeight, 3)
  const k = seenWeight + Math.min(whole - seenWeight, mostClaimed)
  const basis = level === 1 ? counted : seen
  return {
    units: unitsOf(basis),
    sessions: basis.length,
    days: new Set(basis.map(({ day }) => day)).size,
    weight: { k, n: k + missedWeight(tally, today) },
    hardened: weigh(counted.filter(({ tier }) => tier === "OBSERVED_HARDENED")),
  }
}

export function unitsOf(passed: readonly Passed[]): number {
  return passed.reduce((sum, { items }) => sum + items, 0)
}

function weightOf(
  passed: readonly Passed[],
  question: Question,
  bank: Bank,
  today: number,
): number {
  const weights = passed.map(
    ({ tier, day, items }) =>
      items * bank.tier_weights_per_mille[tier] * fade(ageOf(day, today), question.half_life_days),
  )
  return weights.reduce((sum, weight) => sum + weight, 0)
}

/** Failures weigh 1 whatever their tier and fade half as fast, or a failure could be talked down. */
function missedWeight({ question, missed }: Tally, today: number): number {
  const fades = missed.map(({ day }) => fade(ageOf(day, today), 2 * question.half_life_days))
  return fades.reduce((sum, each) => sum + each, 0) * quotient(wholeUnit, 1000)
}

function ageOf(day: number, today: number): number {
  return Math.max(today - day, 0)
}

function passedOf({ session, items, tier }: Judged): Passed[] {
  const passes = items.filter(({ outcome }) => outcome === "pass")
  const { id, day, replayKey, lastHash } = session
  if (passes.length === 0) return []
  const hash = passes[0]?.events?.[0] ?? lastHash
  return [{ session: id, day, replayKey, tier, items: passes.length, hash }]
}

function missedOf({ day, lastHash }: Place, { outcome, events, veto }: Item): Missed[] {
  if (outcome === "pass") return []
  return [{ outcome, day, hash: events?.[0] ?? lastHash, veto }]
}
