import * as fc from "fast-check"
import { expect, test } from "vitest"
import { boundOf, fade, fadeOfMissed, reaches, unitsToReach, wholeUnit } from "./bound.ts"

const rate = (k: number, n: number): { k: number; n: number } => ({
  k: k * wholeUnit,
  n: n * wholeUnit,
})

test.each([
  { why: "three of three bound one half", k: 3, n: 3, perMille: 500, isReached: true },
  { why: "two of two don't", k: 2, n: 2, perMille: 500, isReached: false },
  { why: "seven of seven bound 70 %", k: 7, n: 7, perMille: 700, isReached: true },
  { why: "six of six don't", k: 6, n: 6, perMille: 700, isReached: false },
  { why: "16 of 16 bound 85 %", k: 16, n: 16, perMille: 850, isReached: true },
  { why: "52 of 52 bound 95 %", k: 52, n: 52, perMille: 950, isReached: true },
  { why: "51 of 51 don't", k: 51, n: 51, perMille: 950, isReached: false },
  { why: "one failure asks for 87", k: 86, n: 87, perMille: 950, isReached: true },
  { why: "86 with one failure are too few", k: 85, n: 86, perMille: 950, isReached: false },
  { why: "nothing reaches nothing", k: 0, n: 0, perMille: 1, isReached: false },
  { why: "failures alone reach nothing", k: 0, n: 5, perMille: 1, isReached: false },
])("decides a lower bound: $why", ({ k, n, perMille, isReached }) => {
  expect(reaches("lower_bound", rate(k, n), perMille)).toBe(isReached)
})

test("a lower bound is reached exactly at its threshold, to the last billionth", () => {
  // All of n units pass: they bound t at n = z^2 t / (1 - t), which is z^2 itself for one half.
  const isReached = (units: number): boolean => reaches("lower_bound", { k: units, n: units }, 500)
  expect([2_705_542_999, 2_705_543_000].map(isReached)).toEqual([false, true])
})

test("P11: decides the same as the Wilson formula at 60 digits", () => {
  const evidence = fc.tuple(fc.nat(400 * wholeUnit), fc.nat(400 * wholeUnit))
  fc.assert(
    fc.property(evidence, fc.integer({ min: 1, max: 999 }), ([a, b], perMille) => {
      const [k, n] = [Math.min(a, b), Math.max(a, b, 1)]
      const isAbove = wilsonLowerBound(k, n) >= (BigInt(perMille) * scale) / 1000n
      expect(reaches("lower_bound", { k, n }, perMille)).toBe(isAbove)
    }),
    { numRuns: 3000 },
  )
})

test("a ratio is reached exactly at its threshold", () => {
  expect(reaches("ratio", rate(17, 20), 850)).toBe(true)
  expect(reaches("ratio", rate(849, 1000), 850)).toBe(false)
})

test("tells the number of units that reach a threshold, and one fewer does not", () => {
  const tests = fc.constantFrom("lower_bound" as const, "ratio" as const)
  const threshold = fc.integer({ min: 10, max: 990 })
  fc.assert(
    fc.property(tests, fc.nat(90), fc.nat(20), threshold, (kind, passed, missed, perMille) => {
      const more = unitsToReach(kind, rate(passed, passed + missed), perMille) ?? Infinity
      const withUnits = (units: number): boolean =>
        reaches(kind, rate(passed + units, passed + missed + units), perMille)
      expect(withUnits(more)).toBe(true)
      if (more > 0) expect(withUnits(more - 1)).toBe(false)
    }),
    { numRuns: 500 },
  )
})

test.each([
  ["ratio", 3, 4, 750],
  ["ratio", 2, 3, 666],
  ["ratio", 4, 4, 1000],
  ["ratio", 0, 4, 0],
  ["lower_bound", 0, 4, 0],
  ["lower_bound", 3, 3, 525],
  ["lower_bound", 4000, 4000, 999],
] as const)("the highest threshold that a %s of %i in %i reaches is %i", (test, k, n, bound) => {
  expect(boundOf(test, rate(k, n))).toBe(bound)
})

test("no number of units makes all of them pass where one did not", () => {
  expect(unitsToReach("ratio", rate(8, 9), 1000)).toBeNull()
  expect(unitsToReach("ratio", rate(0, 0), 1000)).toBe(1)
})

test("evidence halves in each half-life, never grows and ends at nothing", () => {
  expect([0, 7, 14, 28, 42, 140, 2000].map((age) => fade(age, 14))).toEqual([
    1_000_000_000, 707_106_781, 500_000_000, 250_000_000, 125_000_000, 0, 0,
  ])
  for (const halfLife of [14, 30, 60])
    for (let age = 0; age < 400; age++) {
      expect(fade(age + 1, halfLife)).toBeLessThanOrEqual(fade(age, halfLife))
      expect(fade(age, halfLife)).toBeLessThanOrEqual(fade(age, 2 * halfLife))
      const steps = Math.floor((age * 1024) / halfLife)
      const exact = steps >= 10_240 ? 0 : 1e9 * 2 ** (-steps / 1024)
      expect(Math.abs(fade(age, halfLife) - exact)).toBeLessThan(2)
    }
})

test("P6: in no day does a failure lose more of its weight than anything that passed", () => {
  for (const halfLife of [14, 30, 60, 90, 180, 340]) {
    const kept = (of: (age: number, halfLife: number) => number): number[] =>
      Array.from({ length: 4000 }, (_, age) => {
        const now = of(age, halfLife)
        return now === 0 ? 0 : of(age + 1, halfLife) / now
      })
    expect(Math.max(...kept(fade))).toBeLessThanOrEqual(Math.min(...kept(fadeOfMissed)))
  }
})

const scale = 10n ** 60n

/** The formula as it stands in the books, in fixed point: centre less spread, over 1 + z^2/n. */
function wilsonLowerBound(passing: number, whole: number): bigint {
  const unit = BigInt(wholeUnit)
  const z2 = (2_705_543n * scale) / 1_000_000n
  const n = (BigInt(whole) * scale) / unit
  const p = (BigInt(passing) * scale) / BigInt(whole)
  const times = (a: bigint, b: bigint): bigint => (a * b) / scale
  const over = (a: bigint, b: bigint): bigint => (a * scale) / b
  const centre = p + over(z2, 2n * n)
  const spread = over(times(p, scale - p), n) + over(z2, times(4n * n, n))
  return over(centre - squareRoot(times(z2, spread) * scale), scale + over(z2, n))
}

function squareRoot(value: bigint): bigint {
  if (value < 2n) return value
  let root = 1n << BigInt(Math.ceil(value.toString(2).length / 2))
  for (;;) {
    const next = (root + value / root) / 2n
    if (next >= root) return root
    root = next
  }
}
