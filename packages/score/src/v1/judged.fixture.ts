import { type Tier, tiers } from "@amc/core"
import * as fc from "fast-check"
import { mostly } from "../story.fixture.ts"
import { bank1 } from "./bank-1.ts"
import { type Kind, kinds, type Question, questionsOf } from "./bank.ts"
import { levelOf, type Terms } from "./question.ts"
import { tallyOf } from "./tally.ts"
import type { Item, Judged } from "./judged.ts"
import type { Level } from "./level.ts"

/** The last day of the windows that units are judged in here. */
export const today = 40

/** A question of each kind, without needs, so that numbers alone decide its level. */
export const freeQuestions: readonly Question[] = kinds.map((kind) => ({
  ...(questionsOf(bank1).find(({ profile }) => profile === kind) ?? packOf(kind)),
  needs: [],
}))

export const freeQuestion: fc.Arbitrary<Question> = fc.constantFrom(...freeQuestions)

/** No question of the bank is a pack yet. */
function packOf(kind: Kind): Question {
  const [any] = questionsOf(bank1) as [Question]
  return { ...any, id: "RES-07", profile: kind, unit: "session", high_risk: true }
}

const item: fc.Arbitrary<Item> = fc
  .record({
    outcome: mostly("pass", "fail", "unknown"),
    count: mostly(1, 2, 60),
    stretch: mostly(0, 30, 6000),
    veto: mostly(undefined, "critical", "high", "medium"),
  })
  .map(({ outcome, count, stretch, veto }) => ({
    outcome,
    count,
    ...(outcome === "pass" ? {} : { stretch }),
    ...(outcome === "fail" && veto !== undefined ? { veto } : {}),
  }))

/** A session's part in a question, mostly one unit that passed. */
export const judged: fc.Arbitrary<Judged> = fc
  .record({
    day: fc.integer({ min: today - 27, max: today }),
    at: fc.nat(999_999),
    replay: mostly(0, 1, 2),
    tier: mostly<Tier>("OBSERVED_HARDENED", ...tiers),
    items: mostly(1, 2).chain((size) => fc.array(item, { minLength: size, maxLength: size })),
  })
  .map(({ day, at, replay, tier, items }) =>
    judgedOf({
      day,
      id: `${day} ${at}`,
      replayKey: replay === 0 ? `${at}` : `again ${replay}`,
      tier,
      items,
    }),
  )

/** Few sessions, or weeks of good ones with a few odd ones among them. */
export const manyJudged: fc.Arbitrary<readonly Judged[]> = fc.oneof(
  fc.array(judged, { maxLength: 8 }),
  fc
    .tuple(
      fc.array(judged, { maxLength: 4 }),
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 9 }),
    )
    .map(([odd, days, perDay]) => [...odd, ...cleanDays(days, perDay)]),
)

/** So many good sessions on each of the last days. */
export function cleanDays(
  days: number,
  perDay: number,
  tier: Tier = "OBSERVED_HARDENED",
): Judged[] {
  return Array.from({ length: days * perDay }, (_, at) =>
    judgedOf({ day: today - Math.floor(at / perDay), id: `clean ${at}`, tier }),
  )
}

/** A session that passed one unit, unless said otherwise. */
export function judgedOf({
  day = today,
  id = "session",
  replayKey = id,
  tier = "OBSERVED_HARDENED",
  items = [{ outcome: "pass" }],
}: {
  readonly day?: number
  readonly id?: string
  readonly replayKey?: string
  readonly tier?: Tier
  readonly items?: readonly Item[]
}): Judged {
  const ms = day * 86_400_000
  const session = { id, day, firstMs: ms, lastMs: ms, replayKey, lastHash: id }
  return { session, tier, items }
}

/** What a question is decided in the light of, where nothing else holds it down. */
export function termsAt(day: number = today, change: Partial<Terms> = {}): Terms {
  return {
    bank: bank1,
    today: day,
    burden: { everywhere: [], highRisk: [] },
    fixes: [],
    levels: new Map(),
    ...change,
  }
}

/** The level of a question on these sessions alone. */
export function levelFor(
  question: Question,
  of: readonly Judged[],
  terms: Terms = termsAt(),
): Level {
  return levelOf(tallyOf(question, of, terms.bank), terms)
}
