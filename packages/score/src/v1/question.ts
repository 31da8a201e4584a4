import type { Bank } from "./bank.ts"
import { type Burden, type Cap, capOf } from "./cap.ts"
import { gatesAgainst, type Missing, type Subject } from "./gate.ts"
import { byText } from "./integer.ts"
import { type Tally, unitsOf } from "./tally.ts"

/** A level that was reached, or U where nothing that the question is about was seen. */
export type Level = 0 | 1 | 2 | 3 | 4 | 5 | "U"

/** What was decided about one question, and why. */
export interface Decision {
  readonly level: Level
  readonly cap: Cap | null
  readonly units: {
    readonly n: number
    readonly k: number
    readonly unknown: number
    readonly sessions: number
    readonly days: number
  }
  /** What stops the next level; the first of them binds. */
  readonly missing: readonly Missing[]
  /** Hashes of the events that decided: failures first, then what is unknown, then what passed. */
  readonly events: readonly string[]
}

const eventsMax = 10
const ladder = [1, 2, 3, 4, 5] as const

/** Decides a question: the highest level none of whose gates, nor any below, stands in the way. */
export function decide(tally: Tally, burden: Burden, bank: Bank, today: number): Decision {
  const cap = capOf(tally, burden, bank)
  const { passed, missed, question } = tally
  const about = { cap, units: unitsIn(tally), events: deciding(tally) }
  if (passed.length + missed.length === 0) {
    const text = `not seen yet: ${question.exposure}`
    return { level: "U", ...about, missing: [{ gate: "exposure", have: 0, need: 1, text }] }
  }
  const subject: Subject = { tally, cap, bank, today }
  for (const level of ladder) {
    const missing = gatesAgainst(subject, level)
    if (missing.length > 0) return { level: (level - 1) as Level, ...about, missing }
  }
  return { level: 5, ...about, missing: [] }
}

/** How much a level says when levels are compared: an unknown one says nothing. */
export function rankOf(level: Level): number {
  return level === "U" ? 0 : level
}

function unitsIn({ passed, missed }: Tally): Decision["units"] {
  const k = unitsOf(passed)
  return {
    n: k + missed.length,
    k,
    unknown: missed.filter(({ outcome }) => outcome === "unknown").length,
    sessions: passed.length,
    days: new Set(passed.map(({ day }) => day)).size,
  }
}

function deciding({ passed, missed }: Tally): readonly string[] {
  const failed = missed.filter(({ outcome }) => outcome === "fail")
  const unknown = missed.filter(({ outcome }) => outcome === "unknown")
  const found = [failed, unknown, passed].flatMap((each) => newestFirst(each).slice(0, eventsMax))
  return [...new Set(found)].slice(0, eventsMax)
}

function newestFirst(found: readonly { readonly day: number; readonly hash: string }[]): string[] {
  return found.toSorted((a, b) => b.day - a.day || byText(a.hash, b.hash)).map(({ hash }) => hash)
}
