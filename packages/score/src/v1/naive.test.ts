import { expect, test } from "vitest"
import { type Tier } from "@amc/core"
import { fade, fadeOfMissed } from "./bound.ts"
import { cleanDays, freeQuestions, judgedOf, levelFor, termsAt, today } from "./judged.fixture.ts"
import { layerLevel } from "./layer.ts"
import { rankOf } from "./question.ts"
import type { Judged } from "./judged.ts"

/**
 * P12: scorers that look right, and what is wrong with each. The counterexample must go on to break the naive one, and
 * must not break ours.
 */
const rate = freeQuestions.find(({ profile }) => profile === "rate")!
const share = freeQuestions.find(({ profile }) => profile === "cov")!
const weights: Readonly<Record<Tier, number>> = {
  SELF_REPORTED: 0.4,
  ATTESTED: 0.7,
  OBSERVED: 1,
  OBSERVED_HARDENED: 1,
}
const failed = { outcome: "fail" } as const

test("a share of what was seen rises when a failure is withheld, ours does not", () => {
  const sessions = [...cleanDays(4, 3), judgedOf({ id: "bad", day: today - 1, items: [failed] })]
  const withheld = sessions.map((each) =>
    each.session.id === "bad" ? { ...each, items: [{ outcome: "unknown" as const }] } : each,
  )
  const naive = (of: readonly Judged[]): number => {
    const known = of.filter(({ items }) => items[0]?.outcome !== "unknown")
    return known.filter(({ items }) => items[0]?.outcome === "pass").length / known.length
  }
  expect(naive(withheld)).toBeGreaterThan(naive(sessions))
  expect(levelFor(rate, withheld)).toBe(levelFor(rate, sessions))
})

test("a mean weighed by confidence rises when the evidence of a bad question is lost, ours does not", () => {
  const naive = (of: readonly { level: number; confidence: number }[]): number =>
    of.reduce((sum, { level, confidence }) => sum + level * confidence, 0) /
    of.reduce((sum, { confidence }) => sum + confidence, 0)
  expect(
    naive([
      { level: 4, confidence: 0.6 },
      { level: 1, confidence: 0 },
    ]),
  ).toBeGreaterThan(
    naive([
      { level: 4, confidence: 0.6 },
      { level: 1, confidence: 0.3 },
    ]),
  )
  const layer = (level: 1 | "U"): number =>
    rankOf(
      layerLevel([
        { level: 4, highRisk: false },
        { level, highRisk: false },
      ]),
    )
  expect(layer("U")).toBeLessThanOrEqual(layer(1))
})

test("failures that are weighed by their tier can be talked down, ours can't", () => {
  const naive = (tier: Tier): number => 8 / (8 + weights[tier])
  expect(naive("SELF_REPORTED")).toBeGreaterThan(naive("OBSERVED"))
  const sessions = (tier: Tier): readonly Judged[] => [
    ...cleanDays(4, 2),
    ...[0, 1].map((at) => judgedOf({ id: `bad ${at}`, tier, items: [failed] })),
  ]
  expect(levelFor(rate, sessions("SELF_REPORTED"))).toBe(levelFor(rate, sessions("OBSERVED")))
})

test("an effective number of samples falls when something better is added, ours does not", () => {
  const naive = (of: readonly Tier[]): number => {
    const sum = of.reduce((total, tier) => total + weights[tier], 0)
    return sum ** 2 / of.reduce((total, tier) => total + weights[tier] ** 2, 0)
  }
  const ten = Array.from({ length: 10 }, (): Tier => "SELF_REPORTED")
  expect(naive([...ten, "OBSERVED"])).toBeLessThan(naive(ten))
  const claims = cleanDays(1, 8, "SELF_REPORTED")
  const before = rankOf(levelFor(rate, claims))
  const better = judgedOf({ id: "seen", day: today - 1, tier: "OBSERVED" })
  expect(rankOf(levelFor(rate, [...claims, better]))).toBeGreaterThanOrEqual(before)
})

test("sixteen steps to a half-life let a share rise by waiting, ours does not", () => {
  // What passed is two days old, what failed three, of a half-life of 30 days.
  const sixteenth = (age: number, halfLife: number): number =>
    2 ** (-Math.floor((age * 16) / halfLife) / 16)
  const naive = (wait: number): number => {
    const [k, missed] = [sixteenth(2 + wait, 30), sixteenth(3 + wait, 60)]
    return k / (k + missed)
  }
  expect(naive(1)).toBeGreaterThan(naive(0))
  const ours = (wait: number): number => {
    const [k, missed] = [fade(2 + wait, 30), fadeOfMissed(3 + wait, 30)]
    return k / (k + missed)
  }
  for (let wait = 0; wait < 60; wait++) expect(ours(wait + 1)).toBeLessThan(ours(wait))
})

test("failures that fade to nothing let a share rise by waiting, ours never do", () => {
  const old = judgedOf({ id: "bad", day: today - 27, items: [{ outcome: "fail", count: 100 }] })
  const forgotten = 20 * share.half_life_days
  expect(fade(forgotten, 2 * share.half_life_days)).toBe(0)
  const later = termsAt(today - 27 + forgotten)
  const sessions = [old, judgedOf({ day: today - 27 + forgotten })]
  expect(rankOf(levelFor(share, sessions, later))).toBeLessThanOrEqual(
    rankOf(levelFor(share, sessions.slice(1), later)),
  )
})
