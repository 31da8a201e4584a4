import type { Tier } from "@amc/core"
import { expect, test } from "vitest"
import { bank1 } from "./bank-1.ts"
import type { Question } from "./bank.ts"
import { wholeUnit } from "./bound.ts"
import { decide } from "./question.ts"
import type { Session } from "./session.ts"
import { standingAt } from "./standing.ts"
import { tallyOf } from "./tally.ts"
import type { Item, Judged } from "./judged.ts"

const question = bank1.layers[4]?.questions[0] as Question
const halfLife = question.half_life_days

test.each<{ why: string; tier: Tier; age: number; outcome: Item["outcome"]; k: number; n: number }>(
  [
    { why: "observed today", tier: "OBSERVED", age: 0, outcome: "pass", k: 1000, n: 1000 },
    {
      why: "hardened is worth no more",
      tier: "OBSERVED_HARDENED",
      age: 0,
      outcome: "pass",
      k: 1000,
      n: 1000,
    },
    { why: "attested", tier: "ATTESTED", age: 0, outcome: "pass", k: 700, n: 700 },
    { why: "self-reported", tier: "SELF_REPORTED", age: 0, outcome: "pass", k: 400, n: 400 },
    { why: "one half-life ago", tier: "OBSERVED", age: halfLife, outcome: "pass", k: 500, n: 500 },
    {
      why: "a failure one half-life ago",
      tier: "OBSERVED",
      age: halfLife,
      outcome: "fail",
      k: 0,
      n: 707.106781,
    },
    {
      why: "a failure two half-lives ago",
      tier: "OBSERVED",
      age: 2 * halfLife,
      outcome: "fail",
      k: 0,
      n: 500,
    },
    { why: "a failure of low tier", tier: "SELF_REPORTED", age: 0, outcome: "fail", k: 0, n: 1000 },
    { why: "an unknown one", tier: "OBSERVED", age: 0, outcome: "unknown", k: 0, n: 1000 },
  ],
)("weighs a unit: $why", ({ tier, age, outcome, k, n }) => {
  const tally = tallyOf(question, [judged({ id: "a", tier, day: 100 - age, outcome })], bank1)
  const perMille = wholeUnit / 1000
  expect(standingAt(tally, 1, bank1, 100).weight).toEqual({ k: k * perMille, n: n * perMille })
})

test("claims alone count at level 1, and above add at most two thirds to what was seen", () => {
  const claims = many(30, "SELF_REPORTED")
  const seen = many(3, "OBSERVED")
  const alone = tallyOf(question, claims, { ...bank1, day_cap: 100 })
  expect(standingAt(alone, 1, bank1, 100)).toMatchObject({
    units: 30,
    weight: { k: 12 * wholeUnit },
  })
  expect(standingAt(alone, 2, bank1, 100)).toMatchObject({ units: 0, weight: { k: 0, n: 0 } })
  const both = tallyOf(question, [...claims, ...seen], { ...bank1, day_cap: 100 })
  expect(standingAt(both, 2, bank1, 100)).toMatchObject({ units: 3, weight: { k: 5 * wholeUnit } })
  expect(standingAt(both, 4, bank1, 100)).toMatchObject({ units: 3, weight: { k: 3 * wholeUnit } })
})

test("a level leaves out what is below its tier", () => {
  const tally = tallyOf(question, [...many(3, "ATTESTED"), ...many(2, "OBSERVED_HARDENED")], bank1)
  expect([1, 2, 3, 4, 5].map((level) => standingAt(tally, level, bank1, 100).units)).toEqual([
    5, 5, 5, 2, 2,
  ])
  expect(standingAt(tally, 5, bank1, 100).hardened).toBe(2 * wholeUnit)
})

test("of replays the best tier counts, and of a day the best sessions", () => {
  const replayed = many(4, "ATTESTED").map((each) => ({
    ...each,
    session: { ...each.session, replayKey: "same" },
  }))
  const [first, ...rest] = replayed as [Judged, ...Judged[]]
  const once = tallyOf(question, [...rest, { ...first, tier: "OBSERVED" }], bank1)
  expect(once.passed).toMatchObject([{ tier: "OBSERVED" }])
  const crowd = tallyOf(question, [...many(20, "ATTESTED"), ...many(8, "OBSERVED")], bank1)
  expect(crowd.passed.map(({ tier }) => tier)).toEqual(Array(8).fill("OBSERVED"))
})

function many(count: number, tier: Tier): Judged[] {
  return Array.from({ length: count }, (_, at) =>
    judged({ id: `${tier} ${at}`, tier, day: 100, outcome: "pass" }),
  )
}

function judged({
  id,
  tier,
  day,
  outcome,
}: {
  id: string
  tier: Tier
  day: number
  outcome: Item["outcome"]
}): Judged {
  const session = { id, day, replayKey: id, lastHash: id } as Session
  return { session, tier, items: [{ outcome }] }
}

test("any number of failures is counted, however many there are", () => {
  const failed = judged({ id: "a", tier: "OBSERVED", day: 100, outcome: "fail" })
  const many = Array.from({ length: 300_000 }, () => failed)
  const tally = tallyOf(question, many, bank1)
  const terms = { bank: bank1, today: 100, fixes: [], levels: new Map() }
  const burden = { everywhere: [], highRisk: [] }
  expect(decide(tally, { ...terms, burden })).toMatchObject({
    level: 0,
    units: { n: 300_000, k: 0 },
  })
})
