import { type Tier, tiers } from "@amc/core"
import * as fc from "fast-check"
import { expect, test } from "vitest"
import { cases } from "../cases.fixture.ts"
import { bank1 } from "./bank-1.ts"
import { gatesAgainst } from "./gate.ts"
import {
  cleanDays,
  freeQuestion,
  freeQuestions,
  judged,
  judgedOf,
  levelFor,
  manyJudged,
  termsAt,
  today,
} from "./judged.fixture.ts"
import { outlookOf, withClean } from "./outlook.ts"
import { levelOf, rankOf, subjectOf } from "./question.ts"
import { standingAt } from "./standing.ts"
import { tallyOf } from "./tally.ts"
import type { Item, Judged } from "./judged.ts"
import type { Level } from "./level.ts"

test("the sessions that are tried here reach level 5 of every kind of question", () => {
  for (const question of freeQuestions) {
    const perDay = question.unit === "minute" ? 1440 : question.unit === "exchange" ? 4 : 1
    const judged = cleanDays(28, 8).map((each) => ({
      ...each,
      items: [{ outcome: "pass" as const, count: perDay }],
    }))
    expect([question.profile, levelFor(question, judged)]).toEqual([question.profile, 5])
  }
})

test("P1: nothing that fails or is unknown raises a level", () => {
  fc.assert(
    fc.property(freeQuestion, manyJudged, judged, (question, all, extra) => {
      const missed = { ...extra, items: extra.items.filter(({ outcome }) => outcome !== "pass") }
      expectNoHigher(levelFor(question, [...all, missed]), levelFor(question, all))
    }),
    cases,
  )
})

test("P2, P10: what passes in a session of its own never lowers a level, so dropping it never raises one", () => {
  fc.assert(
    fc.property(freeQuestion, manyJudged, judged, (question, all, extra) => {
      const passed = { ...extra, items: extra.items.filter(({ outcome }) => outcome === "pass") }
      expectNoHigher(levelFor(question, all), levelFor(question, [...all, passed]))
    }),
    cases,
  )
})

test("P3: nothing that turns unknown raises a level", () => {
  fc.assert(
    fc.property(freeQuestion, manyJudged, fc.nat(), (question, all, at) => {
      const unknown = changed(all, at, (each) => ({
        ...each,
        items: each.items.map(({ count = 1 }): Item => ({ outcome: "unknown", count })),
      }))
      // A failure that is withheld is another matter: it must not be one that could be withheld (P13).
      const kept = changed(all, at, (each) => ({
        ...each,
        items: each.items.map(({ count = 1 }): Item => ({ outcome: "pass", count })),
      }))
      expectNoHigher(levelFor(question, unknown), levelFor(question, kept))
    }),
    cases,
  )
})

test("P4: order changes no level", () => {
  fc.assert(
    fc.property(freeQuestion, manyJudged, fc.infiniteStream(fc.nat()), (question, all, numbers) => {
      const drawn = all.map((each) => ({ each, at: numbers.next().value as number }))
      const shuffled = drawn.sort((a, b) => a.at - b.at).map(({ each }) => each)
      expect(levelFor(question, shuffled)).toBe(levelFor(question, all))
    }),
    cases,
  )
})

test("P5: no lower tier raises a level", () => {
  fc.assert(
    fc.property(freeQuestion, manyJudged, fc.nat(), fc.nat(3), (question, all, at, rank) => {
      const lower = changed(all, at, (each) => ({
        ...each,
        tier: tiers[Math.min(rank, tiers.indexOf(each.tier))] as Tier,
      }))
      expectNoHigher(levelFor(question, lower), levelFor(question, all))
    }),
    cases,
  )
})

test("P6: waiting raises no level, on no day", () => {
  fc.assert(
    fc.property(freeQuestion, manyJudged, fc.nat(400), (question, all, days) => {
      const [now, later] = [today + days, today + days + 1]
      expectNoHigher(levelFor(question, all, termsAt(later)), levelFor(question, all, termsAt(now)))
    }),
    cases,
  )
})

test("P7: all days moved alike give the same level", () => {
  fc.assert(
    fc.property(freeQuestion, manyJudged, fc.nat(20_000), (question, all, days) => {
      const moved = all.map((each) => ({
        ...each,
        session: { ...each.session, day: each.session.day + days },
      }))
      expect(levelFor(question, moved, termsAt(today + days))).toBe(levelFor(question, all))
    }),
    cases,
  )
})

test("P8: a session that is played again on its day counts once", () => {
  fc.assert(
    fc.property(
      freeQuestion,
      manyJudged,
      judged,
      fc.integer({ min: 1, max: 50 }),
      (question, all, one, times) => {
        const passed = { ...one, items: one.items.filter(({ outcome }) => outcome === "pass") }
        const again = Array.from({ length: times }, (_, at) => ({
          ...passed,
          session: { ...one.session, id: `${one.session.id} again ${at}` },
        }))
        expect(levelFor(question, [...all, passed, ...again])).toBe(
          levelFor(question, [...all, passed]),
        )
      },
    ),
    cases,
  )
})

test("P9: any number of self-reports alone stays at level 1 (S2)", () => {
  fc.assert(
    fc.property(
      freeQuestion,
      fc.integer({ min: 1, max: 28 }),
      fc.integer({ min: 1, max: 80 }),
      (question, days, perDay) => {
        expect(
          rankOf(levelFor(question, cleanDays(days, perDay, "SELF_REPORTED"))),
        ).toBeLessThanOrEqual(1)
      },
    ),
    cases,
  )
})

test("P14: a veto never raises a level, and its cure needs the signed fix, the sessions and the days", () => {
  const vetoed = freeQuestions.find(({ profile }) => profile === "inv")!
  const failed: Item = { outcome: "fail", veto: "critical" }
  const breach = judgedOf({ id: "breach", day: today - 20, items: [failed] })
  const clean = cleanDays(12, 8)
  const at = (fix: readonly number[], sessions: readonly Judged[]): Level =>
    levelFor(vetoed, [breach, ...sessions], termsAt(today, { fixes: fix }))
  const day = 86_400_000
  const fix = (today - 15) * day
  const level = levelFor(vetoed, [{ ...breach, items: [{ outcome: "fail" }] }, ...clean])
  expect(rankOf(level)).toBeGreaterThan(3)
  expect(at([], clean)).toBe(1)
  expect(at([fix], clean)).toBe(bank1.cure.cap)
  expect(at([(today - 21) * day], clean)).toBe(1)
  const old = clean.map((each) => moved(each, -16))
  expect(at([fix], old)).toBe(1)
  expect(at([fix], [...old, ...cleanDays(2, 8)])).toBe(1)
  expect(at([fix], [...old, ...cleanDays(3, 3)])).toBe(1)
  expect(at([fix], [...old, ...cleanDays(3, 4)])).toBe(3)
  expect(
    at(
      [fix],
      [
        ...old,
        ...cleanDays(3, 4),
        { ...breach, session: { ...breach.session, lastMs: today * day } },
      ],
    ),
  ).toBe(1)
  fc.assert(
    fc.property(
      freeQuestion,
      manyJudged,
      fc.nat(),
      fc.constantFrom("critical", "high", "medium"),
      (question, all, index, veto) => {
        const worse = changed(all, index, (each) => ({
          ...each,
          items: each.items.map((one): Item => (one.outcome === "fail" ? { ...one, veto } : one)),
        }))
        const free = changed(all, index, (each) => ({
          ...each,
          items: each.items.map(({ outcome, count = 1 }): Item => ({ outcome, count })),
        }))
        expectNoHigher(levelFor(question, worse), levelFor(question, free))
      },
    ),
    cases,
  )
})

test("P18: the clean units that are said to be enough are, and one fewer is not", () => {
  fc.assert(
    fc.property(freeQuestion, manyJudged, (question, all) => {
      const tally = tallyOf(question, all, bank1)
      const level = levelOf(tally, termsAt())
      const { clean_to_next: count } = outlookOf(tally, termsAt(), level)
      const left = (more: number): readonly string[] => {
        const next = rankOf(level) + 1
        const standing = withClean(standingAt(tally, next, bank1, today), more)
        return gatesAgainst(subjectOf(tally, termsAt()), next, standing)
          .map(({ gate }) => gate)
          .filter((gate) => gate !== "days")
      }
      if (count === null) return
      expect(left(count)).toEqual([])
      if (count > 0) expect(left(count - 1)).not.toEqual([])
    }),
    cases,
  )
})

test("P18: so many sessions, really added, reach the next level", () => {
  const sessions = freeQuestions.filter(({ unit }) => unit === "session" || unit === "drill")
  fc.assert(
    fc.property(
      fc.constantFrom(...sessions),
      fc.array(judged, { maxLength: 4 }),
      (question, all) => {
        const free = { ...bank1, day_cap: 4096 }
        const terms = { ...termsAt(), bank: free }
        const tally = tallyOf(question, all, free)
        const level = levelOf(tally, terms)
        const { clean_to_next: count } = outlookOf(tally, terms, level)
        if (count === null || count === 0) return
        const more = (size: number): Level => {
          const clean = Array.from({ length: size }, (_, at) => judgedOf({ id: `added ${at}` }))
          // Days are no matter of numbers, so they are asked for nothing here.
          const anyDay = {
            ...free,
            profiles: {
              ...free.profiles,
              [question.profile]: {
                ...free.profiles[question.profile],
                days: [0, 0, 0, 0, 0] as const,
              },
            },
          }
          return levelFor(question, [...all, ...clean], { ...terms, bank: anyDay })
        }
        expect(rankOf(more(count))).toBeGreaterThan(rankOf(level))
      },
    ),
    cases,
  )
})

test("a fragile level falls with one session, another does not", () => {
  fc.assert(
    fc.property(freeQuestion, manyJudged, (question, all) => {
      const tally = tallyOf(question, all, bank1)
      const level = levelOf(tally, termsAt())
      const { fragile } = outlookOf(tally, termsAt(), level)
      const places = tally.passed.map(({ session, hash }) => `${session} ${hash}`)
      const isLost = all.some((one) => {
        if (!places.includes(`${one.session.id} ${one.session.lastHash}`)) return false
        const rest = all.map((each) =>
          each === one
            ? { ...each, items: each.items.filter(({ outcome }) => outcome !== "pass") }
            : each,
        )
        return rankOf(levelFor(question, rest)) < rankOf(level)
      })
      expect(fragile).toBe(isLost)
    }),
    cases,
  )
})

test("on the day that is told, and not before, age alone lowers the level", () => {
  fc.assert(
    fc.property(freeQuestion, manyJudged, (question, all) => {
      const tally = tallyOf(question, all, bank1)
      const level = levelOf(tally, termsAt())
      const { drops_at_ms: ms } = outlookOf(tally, termsAt(), level)
      if (ms === null) return void expect(rankOf(level)).toBe(0)
      const day = ms / 86_400_000
      expect(levelOf(tally, termsAt(day - 1))).toBe(level)
      expect(rankOf(levelOf(tally, termsAt(day)))).toBeLessThan(rankOf(level))
    }),
    cases,
  )
})

function moved(each: Judged, days: number): Judged {
  const { session } = each
  const ms = session.firstMs + days * 86_400_000
  return { ...each, session: { ...session, day: session.day + days, firstMs: ms, lastMs: ms } }
}

function changed(
  all: readonly Judged[],
  at: number,
  change: (each: Judged) => Judged,
): readonly Judged[] {
  return all.map((each, place) => (place === at % all.length ? change(each) : each))
}

function expectNoHigher(level: Level, than: Level): void {
  expect(rankOf(level)).toBeLessThanOrEqual(rankOf(than))
}
