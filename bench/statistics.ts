/** The middle of some measurements, and how far they lie apart. */
export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** `NaN` where there is nothing to measure, which no gate accepts. */
export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  return {
    median: rounded(quantile(sorted, 0.5)),
    min: rounded(sorted[0] ?? Number.NaN),
    max: rounded(sorted.at(-1) ?? Number.NaN),
  }
}

/** The spread of `over[n] / under[n]`: what was measured in the same round is compared, and nothing else. */
export function ratios(over: readonly number[], under: readonly number[]): Spread {
  return spread(over.map((value, at) => value / (under[at] ?? Number.NaN)))
}

/** The spread of `from[n] - by[n]`. */
export function differences(from: readonly number[], by: readonly number[]): Spread {
  return spread(from.map((value, at) => value - (by[at] ?? Number.NaN)))
}

/** Of values in ascending order. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** Four digits say more than any of this is exact to. */
export function rounded(value: number): number {
  return Number(value.toPrecision(4))
}
