import { tiers } from "@amc/core"
import * as fc from "fast-check"
import { expect, test } from "vitest"
import { bank1 } from "./bank-1.ts"
import { gatesOf } from "./bank.ts"
import { wholeUnit } from "./bound.ts"
import {
  cleanDays,
  freeQuestion,
  freeQuestions,
  judgedOf,
  manyJudged,
  termsAt,
  today,
} from "./judged.fixture.ts"
import { gatesAgainst } from "./gate.ts"
import { subjectOf } from "./question.ts"
import { countedAt, Days, standingAt } from "./standing.ts"
import { tallyOf } from "./tally.ts"

test("a day looked at otherwise gives what all days added up again give", () => {
  fc.assert(
    fc.property(
      freeQuestion,
      manyJudged,
      fc.nat(),
      fc.integer({ min: 1, max: 5 }),
      (question, all, at, level) => {
        const tally = tallyOf(question, all, bank1)
        const day = all[at % all.length]?.session.day ?? today
        const of = tally.passed.filter((each) => each.day === day)
        const others = tally.passed.filter((each) => each.day !== day)
        for (const rest of [[], of.slice(1), of]) {
          const changed = { ...tally, passed: [...others, ...rest] }
          expect(new Days(tally, level, bank1, today).standingIf(day, rest)).toEqual(
            standingAt(changed, level, bank1, today),
          )
        }
      },
    ),
    { numRuns: 200 },
  )
})

test.each([
  { why: "enough more went well than not", passed: 5, failed: 2, missing: [] },
  { why: "one too few", passed: 4, failed: 2, missing: [{ gate: "count", have: 2, need: 3 }] },
  { why: "more went badly", passed: 1, failed: 3, missing: [{ gate: "count", have: 0, need: 5 }] },
])("drills are counted less those that failed: $why", ({ passed, failed, missing }) => {
  const drill = freeQuestions.find(({ profile }) => profile === "drill")!
  const thresholds = [3, 3, 3, 3, 3] as const
  const tally = tallyOf({ ...drill, thresholds, units: [0, 0, 0, 0, 0] }, [], bank1)
  const standing = { ...standingAt(tally, 1, bank1, today), units: passed, missed: failed }
  const found = gatesAgainst(subjectOf(tally, termsAt()), 1, {
    ...standing,
    sessions: 99,
    days: 99,
  })
  expect(found).toMatchObject(missing)
  expect(found).toHaveLength(missing.length)
})

test("what is only claimed counts in units, sessions and days at level 1, and in none above it (S2)", () => {
  const question = freeQuestions.find(({ profile }) => profile === "rate")!
  const items = [{ outcome: "pass" as const, count: 3 }]
  const claimed = [...cleanDays(2, 2, "SELF_REPORTED")].map((each) => ({ ...each, items }))
  const seen = judgedOf({ id: "seen", day: today - 9, tier: "OBSERVED" })
  const tally = tallyOf(question, [...claimed, seen], bank1)
  const of = (level: number): unknown => {
    const { units, sessions, days } = standingAt(tally, level, bank1, today)
    return { units, sessions, days }
  }
  expect(of(1)).toEqual({ units: 13, sessions: 5, days: 3 })
  expect(of(2)).toEqual({ units: 1, sessions: 1, days: 1 })
})

test.each([
  { level: 1, tiers: ["SELF_REPORTED", "ATTESTED", "OBSERVED", "OBSERVED_HARDENED"] },
  { level: 2, tiers: ["ATTESTED", "OBSERVED", "OBSERVED_HARDENED"] },
  { level: 3, tiers: ["OBSERVED", "OBSERVED_HARDENED"] },
  { level: 4, tiers: ["OBSERVED", "OBSERVED_HARDENED"] },
  { level: 5, tiers: ["OBSERVED_HARDENED"] },
] as const)("a drill counts at level $level from tier to tier and up to its oldest day", (row) => {
  const drill = freeQuestions.find(({ profile }) => profile === "drill")!
  const oldest = gatesOf(drill, bank1).max_age_days![row.level - 1]!
  const all = tiers.flatMap((tier) =>
    [0, oldest, oldest + 1].map((age) => judgedOf({ id: `${tier} ${age}`, day: 500 - age, tier })),
  )
  const tally = tallyOf(drill, all, bank1)
  const counted = countedAt(tally, row.level, bank1, 500).map(({ session }) => session)
  expect(counted.toSorted()).toEqual(
    row.tiers.flatMap((tier) => [`${tier} 0`, `${tier} ${oldest}`]).toSorted(),
  )
})

test("what did not pass is added up unit by unit", () => {
  const [question] = freeQuestions as [(typeof freeQuestions)[number]]
  const failed = judgedOf({
    id: "f",
    items: [{ outcome: "fail", count: 3 }, { outcome: "unknown" }],
  })
  const older = judgedOf({
    id: "o",
    day: today - 2 * question.half_life_days,
    items: [{ outcome: "fail" }],
  })
  const passed = judgedOf({ id: "p", items: [{ outcome: "pass", count: 2 }] })
  const { missed, weight, hardened } = standingAt(
    tallyOf(question, [failed, older, passed], bank1),
    1,
    bank1,
    today,
  )
  expect(missed).toBe(5)
  expect(weight).toEqual({ k: 2 * wholeUnit, n: 6 * wholeUnit + wholeUnit / 2 })
  expect(hardened).toBe(2 * wholeUnit)
})

test("one day looked at otherwise changes the days that are seen, and all that is added up", () => {
  const [question] = freeQuestions as [(typeof freeQuestions)[number]]
  const all = [
    judgedOf({ id: "a", day: today }),
    judgedOf({ id: "b", day: today, tier: "OBSERVED", items: [{ outcome: "pass", count: 2 }] }),
    judgedOf({ id: "c", day: today - 1, tier: "SELF_REPORTED" }),
    judgedOf({ id: "d", day: today - 2 }),
  ]
  const tally = tallyOf(question, all, bank1)
  for (const level of [1, 2])
    for (const day of [today, today - 1, today - 2, today - 3]) {
      const days = new Days(tally, level, bank1, today)
      const rest = tally.passed.filter((each) => each.day === day).slice(1)
      const others = tally.passed.filter((each) => each.day !== day)
      const changed = { ...tally, passed: [...others, ...rest] }
      expect(days.standingIf(day, rest)).toEqual(standingAt(changed, level, bank1, today))
    }
})
