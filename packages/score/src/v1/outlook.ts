import { type Bank, gatesOf } from "./bank.ts"
import { boundOf, leastOf, wholeUnit } from "./bound.ts"
import { gatesAgainst, standingGates } from "./gate.ts"
import { dayStart } from "./integer.ts"
import { rankOf, subjectOf, type Terms } from "./question.ts"
import { ofLevel } from "./reachable.ts"
import { bestOf, daysOf, type Passed } from "./sampling.ts"
import { Days, type Standing, standingAt } from "./standing.ts"
import type { Tally } from "./tally.ts"
import type { Level } from "./level.ts"

/** What would change a level. */
export interface Outlook {
  /** What the evidence is surely good for at the next level, in parts per 1000; null for drills and where there is none. */
  readonly bound_per_mille: number | null
  /** What the next level asks for, in parts per 1000 or drills; null at level 5. */
  readonly threshold: number | null
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
    ...boundFor(tally, terms, level),
    clean_to_next: cleanToNext(tally, terms, level),
    fragile: isFragile(tally, terms, level),
    drops_at_ms: dropsAt(tally, terms, level),
  }
}

function boundFor(
  tally: Tally,
  { bank, today }: Terms,
  level: Level,
): Pick<Outlook, "bound_per_mille" | "threshold"> {
  const next = Math.min(rankOf(level) + 1, 5)
  const { test, thresholds } = gatesOf(tally.question, bank)
  const { weight } = standingAt(tally, next, bank, today)
  return {
    bound_per_mille: test === "count" || weight.n === 0 ? null : boundOf(test, weight),
    threshold: level === 5 ? null : ofLevel(thresholds, next),
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
  const reached = [1, 2, 3, 4, 5].slice(0, rankOf(level))
  if (reached.length === 0) return false
  const { bank, today } = terms
  const levels = reached.map((each) => [each, new Days(tally, each, bank, today)] as const)
  return losses(tally, bank).some(
    ({ day, rest }) =>
      isHeld(tally, terms, { day, rest, level: rankOf(level) }) ||
      levels.some(
        ([each, days]) =>
          standingGates(tally.question, each, bank, days.standingIf(day, rest)).length > 0,
      ),
  )
}

/** What would count of a day after a loss. */
interface Loss {
  readonly day: number
  readonly rest: readonly Passed[]
}

/** After the loss of each that counts, once for those that are equal in all that matters. */
function losses({ passed, all }: Tally, { day_cap: cap }: Bank): readonly Loss[] {
  const days = daysOf(all)
  const lost = new Map<string, Loss>()
  for (const gone of passed) {
    const { day } = gone
    // What was left out for it may count now.
    const rest = bestOf(days.get(day)?.filter((each) => each !== gone) ?? [], cap)
    lost.set(`${day} ${rest.map(({ tier, items }) => `${tier} ${items}`).join()}`, { day, rest })
  }
  return [...lost.values()]
}

/** Whether what passed and is lost had cured a breach, which holds the level down again. */
function isHeld(
  tally: Tally,
  terms: Terms,
  { day, rest, level }: Loss & { readonly level: number },
): boolean {
  if (terms.fixes.length === 0 || tally.missed.every(({ veto }) => veto === undefined)) return false
  const passed = [...tally.passed.filter((each) => each.day !== day), ...rest]
  const { cap } = subjectOf({ ...tally, passed }, terms)
  return cap !== null && cap.level < level
}

function dropsAt(tally: Tally, terms: Terms, level: Level): number | null {
  if (rankOf(level) === 0) return null
  // The level itself is tried first, since its own gates are the first to close.
  const reached = [1, 2, 3, 4, 5].slice(0, rankOf(level)).reverse()
  const isLower = (days: number): boolean => {
    const subject = subjectOf(tally, { ...terms, today: terms.today + days })
    return reached.some((each) => gatesAgainst(subject, each).length > 0)
  }
  return isLower(farDays)
    ? dayStart(terms.today + leastOf((days) => days > farDays || isLower(days)))
    : null
}
