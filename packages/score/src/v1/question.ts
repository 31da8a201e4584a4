import type { Level } from "./level.ts"
import type { Bank } from "./bank.ts"
import { type Burden, type Cap, capOf } from "./cap.ts"
import { gatesAgainst, type Missing, type Subject } from "./gate.ts"
import { byText } from "./integer.ts"
import type { Levels } from "./need.ts"
import { missedOfAll, type Tally, unitsOf } from "./tally.ts"

/** What a question is decided in the light of. */
export interface Terms {
  readonly bank: Bank
  /** The window's last day. */
  readonly today: number
  readonly burden: Burden
  /** When the agent's config was signed anew. */
  readonly fixes: readonly number[]
  readonly levels: Levels
}

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
export function decide(tally: Tally, terms: Terms): Decision {
  const about = { cap: capFor(tally, terms), units: unitsIn(tally), events: deciding(tally) }
  if (isUnseen(tally)) {
    const text = `not seen yet: ${tally.question.exposure}`
    return { level: "U", ...about, missing: [{ gate: "exposure", have: 0, need: 1, text }] }
  }
  const level = levelOf(tally, terms)
  if (level === 5 || level === "U") return { level, ...about, missing: [] }
  return { level, ...about, missing: gatesAgainst(subjectOf(tally, terms), level + 1) }
}

/** The level alone. */
export function levelOf(tally: Tally, terms: Terms): Level {
  if (isUnseen(tally)) return "U"
  const subject = subjectOf(tally, terms)
  const blocked = ladder.find((level) => gatesAgainst(subject, level).length > 0)
  return (blocked === undefined ? 5 : blocked - 1) as Level
}

/** What the gates of a question are asked about. */
export function subjectOf(tally: Tally, terms: Terms): Subject {
  const { bank, today, levels } = terms
  return { tally, cap: capFor(tally, terms), bank, today, levels }
}

/** How much a level says when levels are compared: an unknown one says nothing. */
export function rankOf(level: Level): number {
  return level === "U" ? 0 : level
}

function isUnseen({ passed, missed }: Tally): boolean {
  return passed.length + missed.length === 0
}

function capFor(tally: Tally, { burden, fixes, bank }: Terms): Cap | null {
  return capOf(tally, burden, fixes, bank)
}

function unitsIn({ passed, missed }: Tally): Decision["units"] {
  const k = unitsOf(passed)
  return {
    n: k + missedOfAll(missed),
    k,
    unknown: missedOfAll(missed.filter(({ outcome }) => outcome === "unknown")),
    sessions: passed.length,
    days: new Set(passed.map(({ day }) => day)).size,
  }
}

function deciding({ passed, missed }: Tally): readonly string[] {
  const failed = missed.filter(({ outcome }) => outcome === "fail")
  const found = [failed, missed, passed].flatMap(newestFirst)
  return [...new Set(found)].slice(0, eventsMax)
}

function newestFirst(found: readonly { readonly day: number; readonly hash: string }[]): string[] {
  return found.toSorted((a, b) => b.day - a.day || byText(a.hash, b.hash)).map(({ hash }) => hash)
}
