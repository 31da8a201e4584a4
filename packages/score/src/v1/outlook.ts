import type { Bank } from "./bank.ts"
import { leastOf, wholeUnit } from "./bound.ts"
import { gatesAgainst } from "./gate.ts"
import { dayStart } from "./integer.ts"
import { type Level, levelOf, rankOf, subjectOf, type Terms } from "./question.ts"
import type { Passed } from "./sampling.ts"
import { type Standing, standingAt, type Tally, withPassed } from "./tally.ts"

/** What would change a level. */
export interface Outlook {
  /**
   * So many further clean units, all else unchanged, reach the next level; days come on top. Null at
   * level 5, and where something else stands in the way.
   */
  readonly clean_to_next: number | null
  /** Whether the loss of one session, or day, would lower the level. */
  readonly fragile: boolean
  /** The start of the day on which age alone lowers the level, without new evidence; null if it never does. */
  readonly drops_at_ms: number | null
}

/** Longer than any half-life of a bank keeps evidence alive. */
const farDays = 4000
const cleanMost = 1 << 20
/** Gates that clean units alone don't open. */
const barring: ReadonlySet<string> = new Set(
  "veto config dark trace breach critical pack question fact".split(" "),
)

/** Looks from a level in both directions. */
export function outlookOf(tally: Tally, terms: Terms, level: Level): Outlook {
  return {
    clean_to_next: cleanToNext(tally, terms, level),
    fragile: isFragile(tally, terms, level),
    drops_at_ms: dropsAt(tally, terms, level),
  }
}

/** The least number of clean units that leaves no gate but that of days in the way. */
function cleanToNext(tally: Tally, terms: Terms, level: Level): number | null {
  if (level === 5) return null
  const next = rankOf(level) + 1
  const subject = subjectOf(tally, terms)
  const standing = standingAt(tally, next, terms.bank, terms.today)
  const left = (count: number): readonly string[] =>
    gatesAgainst(subject, next, withClean(standing, count))
      .map(({ gate }) => gate)
      .filter((gate) => gate !== "days")
  if (left(0).some((gate) => barring.has(gate)) || left(cleanMost).length > 0) return null
  return leastOf((count) => left(count).length === 0)
}

/** The same with so many units more that pass today, each as well as can be. Days are another matter. */
export function withClean(standing: Standing, count: number): Standing {
  const { units, sessions, weight, hardened } = standing
  const more = count * wholeUnit
  return {
    ...standing,
    units: units + count,
    sessions: sessions + count,
    weight: { k: weight.k + more, n: weight.n + more },
    hardened: hardened + more,
  }
}

function isFragile(tally: Tally, terms: Terms, level: Level): boolean {
  if (rankOf(level) === 0) return false
  const without = tally.passed.length < tally.all.length ? resampled : dropped
  return losable(tally).some(
    (gone) => rankOf(levelOf(without(tally, gone, terms.bank), terms)) < rankOf(level),
  )
}

/** Where nothing was left out, what is equal in all that counts is as good as one. */
function losable({ passed, all }: Tally): readonly Passed[] {
  if (passed.length < all.length) return passed
  return [
    ...new Map(passed.map((each) => [`${each.day} ${each.tier} ${each.items}`, each])).values(),
  ]
}

function dropped(tally: Tally, gone: Passed): Tally {
  return { ...tally, passed: tally.passed.filter((each) => each !== gone) }
}

/** What was left out for it may count now. */
function resampled(tally: Tally, gone: Passed, bank: Bank): Tally {
  const rest = tally.all.filter((each) => each !== gone)
  return withPassed(tally, rest, bank)
}

function dropsAt(tally: Tally, terms: Terms, level: Level): number | null {
  if (rankOf(level) === 0) return null
  const isLower = (days: number): boolean =>
    rankOf(levelOf(tally, { ...terms, today: terms.today + days })) < rankOf(level)
  return isLower(farDays)
    ? dayStart(terms.today + leastOf((days) => days > farDays || isLower(days)))
    : null
}
