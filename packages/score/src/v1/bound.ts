import { fadeTable } from "./fade-table.ts"
import { quotient } from "./integer.ts"

/** One unit of full weight. Weights are counted in billionths. */
export const wholeUnit = 1_000_000_000

/** Passing weight and whole weight of some evidence, in billionths of a unit. */
export interface Weight {
  readonly k: number
  readonly n: number
}

/** What is compared with a level's threshold: the lower bound of a rate, or a plain ratio. */
export type Share = "lower_bound" | "ratio"
/** Or how many more passed than did not, without weights. */
export type Test = Share | "count"

/** The square of the normal distribution's one-sided 95 % quantile, in millionths. */
const zSquared = 2_705_543n

/**
 * Whether evidence reaches a threshold in parts per 1000. With no weight at all nothing is reached.
 *
 * `lower_bound` is the Wilson score interval's one-sided 95 % lower bound, decided in integers:
 * it is at least t if and only if k >= n t and (k - n t)^2 >= z^2 n t (1 - t) (spec/report.md, 19).
 */
export function reaches(test: Share, { k, n }: Weight, perMille: number): boolean {
  if (n === 0) return false
  const [t, passing, whole] = [BigInt(perMille), BigInt(k), BigInt(n)]
  const above = 1000n * passing - whole * t
  if (above < 0n) return false
  if (test === "ratio") return true
  return above * above * 1_000_000n >= zSquared * BigInt(wholeUnit) * whole * t * (1000n - t)
}

/**
 * How many further passing units of full weight, and no other, a threshold needs; null for all of them where
 * one did not pass.
 */
export function unitsToReach(test: Share, weight: Weight, perMille: number): number | null {
  if (perMille === 1000 && weight.k < weight.n) return null
  return leastOf((units) => {
    const more = units * wholeUnit
    return reaches(test, { k: weight.k + more, n: weight.n + more }, perMille)
  })
}

/** The highest threshold that evidence of some weight reaches, in parts per 1000: what it is surely good for. */
export function boundOf(test: Share, weight: Weight): number {
  const most = test === "ratio" ? 1000 : 999
  return most - leastOf((lost) => reaches(test, weight, most - lost))
}

/** The least whole number for which something holds that holds for all above it too. */
export function leastOf(holds: (value: number) => boolean): number {
  if (holds(0)) return 0
  let enough = 1
  while (!holds(enough)) enough *= 2
  let tooFew = quotient(enough, 2)
  while (enough - tooFew > 1) {
    const middle = tooFew + quotient(enough - tooFew, 2)
    if (holds(middle)) enough = middle
    else tooFew = middle
  }
  return enough
}

/** What evidence of an age is worth, in billionths: half after each half-life, and nothing after ten. */
export function fade(ageDays: number, halfLifeDays: number): number {
  const steps = quotient(ageDays * fadeTable.length, halfLifeDays)
  const halvings = quotient(steps, fadeTable.length)
  return halvings > 9 ? 0 : (fadeTable[steps % fadeTable.length] as number) >> halvings
}

/**
 * What a failure of an age weighs: it fades half as fast, and never to nothing. Were it to vanish, or to
 * fade faster than what passed, a level could rise by waiting (P6).
 */
export function fadeOfMissed(ageDays: number, halfLifeDays: number): number {
  return Math.max(fade(ageDays, 2 * halfLifeDays), wholeUnit >> 10)
}
