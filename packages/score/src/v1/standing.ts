import { isAtLeast, type Tier } from "@amc/core"
import { type Bank, gatesOf, type Question } from "./bank.ts"
import { fade, fadeOfMissed, type Weight } from "./bound.ts"
import { quotient } from "./integer.ts"
import type { Passed } from "./sampling.ts"
import type { Tally } from "./tally.ts"

/** What a level may count. Units, sessions and days are of what passed. */
export interface Standing {
  readonly units: number
  readonly sessions: number
  readonly days: number
  readonly weight: Weight
  /** The part of the passing weight that is OBSERVED_HARDENED. */
  readonly hardened: number
  /** How many units did not pass. */
  readonly missed: number
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** What passed, added up. */
interface Sum {
  readonly units: number
  readonly sessions: number
  readonly weight: number
  readonly hardened: number
}

/** What passed on a day, or on all of them: what the monitor saw, and what is claimed beside it. */
interface Part {
  readonly seen: Sum
  readonly claimed: Sum
  readonly seenDays: number
  readonly days: number
}

const nothing: Sum = { units: 0, sessions: 0, weight: 0, hardened: 0 }
const noPart: Part = { seen: nothing, claimed: nothing, seenDays: 0, days: 0 }

/** What counts at a level, as old as it is on the window's last day. */
export function standingAt(tally: Tally, level: number, bank: Bank, today: number): Standing {
  return standingOf(partOf(tally, level, bank, today), missingOf(tally, today), level)
}

/** The same for each day, so that one can be looked at otherwise without all others being added up again. */
export class Days {
  readonly #partOf: (passed: readonly Passed[]) => Part
  readonly #standingOf: (part: Part) => Standing
  readonly #parts: ReadonlyMap<number, Part>
  readonly #total: Part

  constructor(tally: Tally, level: number, bank: Bank, today: number) {
    const missing = missingOf(tally, today)
    this.#standingOf = (part) => standingOf(part, missing, level)
    this.#partOf = (passed) => partOf({ ...tally, passed }, level, bank, today)
    const days = Map.groupBy(tally.passed, ({ day }) => day)
    this.#parts = new Map([...days].map(([day, passed]) => [day, this.#partOf(passed)]))
    this.#total = this.#partOf(tally.passed)
  }

  /** If this, and nothing else, had passed on a day. */
  standingIf(day: number, passed: readonly Passed[]): Standing {
    const others = added(this.#total, this.#parts.get(day) ?? noPart, -1)
    return this.#standingOf(added(others, this.#partOf(passed), 1))
  }
}

/** What did not pass. */
interface Missing {
  readonly units: number
  readonly weight: number
}

/** In one pass and without copies, since a level is asked for many days to come and without many sessions. */
function partOf(tally: Counted, level: number, bank: Bank, today: number): Part {
  const [seen, claimed] = [{ ...nothing }, { ...nothing }]
  const [seenDays, days] = [new Set<number>(), new Set<number>()]
  for (const each of countedAt(tally, level, bank, today)) {
    const isClaimed = each.tier === "SELF_REPORTED"
    addTo(isClaimed ? claimed : seen, each, passedWeight(each, tally.question, bank, today))
    days.add(each.day)
    if (!isClaimed) seenDays.add(each.day)
  }
  return { seen, claimed, seenDays: seenDays.size, days: days.size }
}

function addTo(sum: Mutable<Sum>, { items, tier }: Passed, weight: number): void {
  sum.units += items
  sum.sessions += 1
  sum.weight += items * weight
  if (tier === "OBSERVED_HARDENED") sum.hardened += items * weight
}

function added(a: Part, b: Part, sign: 1 | -1): Part {
  return {
    seen: plus(a.seen, b.seen, sign),
    claimed: plus(a.claimed, b.claimed, sign),
    seenDays: a.seenDays + sign * b.seenDays,
    days: a.days + sign * b.days,
  }
}

function plus(a: Sum, b: Sum, sign: 1 | -1): Sum {
  return {
    units: a.units + sign * b.units,
    sessions: a.sessions + sign * b.sessions,
    weight: a.weight + sign * b.weight,
    hardened: a.hardened + sign * b.hardened,
  }
}

function standingOf(
  { seen, claimed, seenDays, days }: Part,
  missing: Missing,
  level: number,
): Standing {
  // Claims alone reach level 1; above, they add at most two thirds of what was seen (S2).
  const isFirst = level === 1
  const mostClaimed = isFirst ? claimed.weight : quotient(2 * seen.weight, 3)
  const k = seen.weight + Math.min(claimed.weight, mostClaimed)
  return {
    units: seen.units + (isFirst ? claimed.units : 0),
    sessions: seen.sessions + (isFirst ? claimed.sessions : 0),
    days: isFirst ? days : seenDays,
    weight: { k, n: k + missing.weight },
    hardened: seen.hardened,
    missed: missing.units,
  }
}

type Counted = Pick<Tally, "question" | "passed">

/** What was seen well enough, and lately enough, for a level. */
export function countedAt(
  { question, passed }: Counted,
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
function missingOf({ question, missed }: Tally, today: number): Missing {
  let [units, weight] = [0, 0]
  for (const { day, count } of missed) {
    units += count
    weight += count * fadeOfMissed(ageOf(day, today), question.half_life_days)
  }
  return { units, weight }
}

function ageOf(day: number, today: number): number {
  return Math.max(today - day, 0)
}
