import { quotient } from "./integer.ts"

/** One unit of full weight. Weights are counted in millionths. */
export const wholeUnit = 1_000_000

/** Passing weight and whole weight of some evidence, in millionths of a unit. */
export interface Weight {
  readonly k: number
  readonly n: number
}

/** What is compared with a level's threshold: the lower bound of a rate, or a plain ratio. */
export type Test = "lower_bound" | "ratio"

/** The square of the normal distribution's one-sided 95 % quantile, in millionths. */
const zSquared = 2_705_543n

/** Sixteenths of a halving in parts per 1000: 1000 * 2^(-i/16), rounded. */
const sixteenths = [
  1000, 958, 917, 878, 841, 805, 771, 738, 707, 677, 648, 621, 595, 569, 545, 522,
] as const

/**
 * Whether evidence reaches a threshold. With no weight at all nothing is reached.
 *
 * `lower_bound` is the Wilson score interval's one-sided 95 % lower bound, decided in integers:
 * it is at least t if and only if k >= n t and (k - n t)^2 >= z^2 n t (1 - t) (spec/report.md, 4).
 */
export function reaches(test: Test, { k, n }: Weight, perMille: number): boolean {
  if (n === 0) return false
  const [t, passing, whole] = [BigInt(perMille), BigInt(k), BigInt(n)]
  const above = 1000n * passing - whole * t
  if (above < 0n) return false
  return test === "ratio" || above * above >= zSquared * whole * t * (1000n - t)
}

/** How many further passing units of full weight, and no other, a threshold needs. */
export function unitsToReach(test: Test, weight: Weight, perMille: number): number {
  const isEnough = (units: number): boolean =>
    reaches(test, { k: weight.k + units * wholeUnit, n: weight.n + units * wholeUnit }, perMille)
  if (isEnough(0)) return 0
  let enough = 1
  while (!isEnough(enough)) enough *= 2
  let tooFew = quotient(enough, 2)
  while (enough - tooFew > 1) {
    const middle = tooFew + quotient(enough - tooFew, 2)
    if (isEnough(middle)) enough = middle
    else tooFew = middle
  }
  return enough
}

/** What evidence of an age is worth, in parts per 1000: half after each half-life, in 16 steps. */
export function fade(ageDays: number, halfLifeDays: number): number {
  const steps = quotient(ageDays * 16, halfLifeDays)
  const halvings = quotient(steps, 16)
  return halvings > 9 ? 0 : (sixteenths[steps % 16] as number) >> halvings
}
