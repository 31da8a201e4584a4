import { expect, test } from "vitest"
import { bank1 } from "./bank-1.ts"
import type { Question } from "./bank.ts"
import { wholeUnit } from "./bound.ts"
import { cleanDays, freeQuestions, judgedOf, termsAt, today } from "./judged.fixture.ts"
import { outlookOf, withClean } from "./outlook.ts"
import { levelOf, type Terms } from "./question.ts"
import { tallyOf } from "./tally.ts"
import type { Judged } from "./judged.ts"

const of = (kind: string): Question => freeQuestions.find(({ profile }) => profile === kind)!
const dayMs = 86_400_000

function lookAt(question: Question, all: readonly Judged[], terms: Terms = termsAt()): object {
  const tally = tallyOf(question, all, bank1)
  const level = levelOf(tally, terms)
  return { level, ...outlookOf(tally, terms, level) }
}

const cov = { ...of("cov"), unit: "session", high_risk: false } as const
const rare = { ...of("inv"), high_risk: false } as const

test("nothing seen has no bound, and says how much is lacking", () => {
  expect(lookAt(cov, [])).toEqual({
    level: "U",
    bound_per_mille: null,
    threshold: 250,
    clean_to_next: 3,
    fragile: false,
    drops_at_ms: null,
  })
})

test("what just suffices is fragile, and age takes it away", () => {
  const just = lookAt(cov, cleanDays(1, 3))
  expect(just).toMatchObject({ level: 1, fragile: true, threshold: 600, clean_to_next: 7 })
  expect(lookAt(cov, cleanDays(1, 4))).toMatchObject({ level: 1, fragile: false })
  expect(just).toMatchObject({ bound_per_mille: 1000, drops_at_ms: (today + 140) * dayMs })
})

test("a share that is just reached is lost with one session, whichever level it is", () => {
  const failed = (count: number): Judged[] =>
    Array.from({ length: count }, (_, at) =>
      judgedOf({ id: `f ${at}`, items: [{ outcome: "fail" }] }),
    )
  expect(lookAt(cov, [...cleanDays(2, 6), ...failed(8)])).toMatchObject({
    level: 1,
    bound_per_mille: 594,
    clean_to_next: 1,
  })
  expect(lookAt(cov, [...cleanDays(2, 8), ...failed(9)])).toMatchObject({
    level: 2,
    fragile: false,
  })
})

test("at the highest level nothing more is asked", () => {
  expect(lookAt(cov, cleanDays(38, 8))).toMatchObject({
    level: 5,
    bound_per_mille: 1000,
    threshold: null,
    clean_to_next: null,
    fragile: false,
  })
})

test("drills have no bound", () => {
  expect(lookAt({ ...of("drill"), high_risk: false }, cleanDays(1, 1))).toMatchObject({
    level: 2,
    bound_per_mille: null,
    threshold: 2,
    clean_to_next: 1,
    fragile: true,
  })
})

const breach = judgedOf({
  id: "breach",
  day: today - 10,
  items: [{ outcome: "fail", veto: "high" }],
})
const fixed = termsAt(today, { fixes: [(today - 9) * dayMs - 1] })

test("a breach bars the way, and what cured it is fragile as long as it just suffices", () => {
  expect(lookAt(rare, [...cleanDays(10, 8), breach])).toMatchObject({
    level: 2,
    clean_to_next: null,
  })
  const healed = (perDay: number): object => {
    // Units enough that none is missed for itself.
    const items = [{ outcome: "pass" as const, count: 9 }]
    const clean = [...cleanDays(5, perDay)].map((each) => ({ ...each, items }))
    return lookAt({ ...rare, unit: "exchange" }, [...clean, breach], fixed)
  }
  expect(healed(2)).toMatchObject({ level: 3, fragile: true })
  expect(healed(4)).toMatchObject({ level: 3, fragile: false })
})

test("clean units are worth as much as can be", () => {
  const none = { units: 1, sessions: 2, days: 3, weight: { k: 4, n: 5 }, hardened: 6, missed: 7 }
  expect(withClean(none, 2)).toEqual({
    units: 3,
    sessions: 4,
    days: 3,
    weight: { k: 4 + 2 * wholeUnit, n: 5 + 2 * wholeUnit },
    hardened: 6 + 2 * wholeUnit,
    missed: 7,
  })
})
