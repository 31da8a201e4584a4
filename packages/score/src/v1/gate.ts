import { type Bank, gatesOf, type Question } from "./bank.ts"
import { unitsToReach } from "./bound.ts"
import type { Cap } from "./cap.ts"
import { quotient } from "./integer.ts"
import { haveOf, type Levels, neededOf, needsHardened, needText, percentText } from "./need.ts"
import { isOfDays, ofLevel } from "./reachable.ts"
import { type Standing, standingAt } from "./standing.ts"
import type { Tally } from "./tally.ts"

/** One gate that stops a level, with what there is and what it asks for. */
export interface Missing {
  readonly gate: string
  readonly have: number
  readonly need: number
  readonly text: string
}

/** What the gates of a question are asked about. */
export interface Subject {
  readonly tally: Tally
  readonly cap: Cap | null
  readonly bank: Bank
  /** The window's last day. */
  readonly today: number
  /** The levels of the questions that this one's needs name. */
  readonly levels: Levels
}

/** The gates that stop a level, the one that binds most first; none means that it is passed. */
export function gatesAgainst(
  { tally, cap, bank, today, levels }: Subject,
  level: number,
  standing: Standing = standingAt(tally, level, bank, today),
): readonly Missing[] {
  const { question } = tally
  return [
    ...capGates(cap, level),
    ...needGates(question, level, levels),
    ...severeGates(tally, level, bank),
    ...standingGates(question, level, bank, standing),
  ]
}

/** Those of them that ask how much passed, of how much. */
export function standingGates(
  question: Question,
  level: number,
  bank: Bank,
  standing: Standing,
): readonly Missing[] {
  const counts = countGates(question, level, bank, standing)
  const short = Math.max(
    0,
    ...counts.filter(({ gate }) => gate !== "days").map(({ have, need }) => need - have),
  )
  return [
    ...counts,
    // What fills the counts fills a smaller shortage of share with it.
    ...shareGates(question, level, bank, standing).filter(({ have, need }) => need - have > short),
    ...hardenedGates(question, level, standing),
  ]
}

function capGates(cap: Cap | null, level: number): Missing[] {
  const causes = (cap?.causes ?? []).filter((cause) => cause.level < level)
  return causes.map(({ gate, have, text }) => ({ gate, have, need: 0, text }))
}

function needGates(question: Question, level: number, levels: Levels): Missing[] {
  const needs = question.needs.filter((need) => need.level === level && need.kind !== "hardened")
  return needs
    .map((need) => ({
      gate: need.kind,
      have: haveOf(need, levels),
      need: neededOf(need),
      text: needText(need),
    }))
    .filter(({ have, need }) => have < need)
}

/** What was broken for too long at one go, and what failed critically. */
function severeGates({ question, missed }: Tally, level: number, bank: Bank): Missing[] {
  const { max_breach_hours: hours, no_critical_from: from } = gatesOf(question, bank)
  const longest = missed.reduce((most, { stretch }) => Math.max(most, stretch), 0)
  const most = hours === undefined ? longest : ofLevel(hours, level) * 60
  const critical = missed.filter(({ veto }) => veto === "critical").length
  const breach = {
    gate: "breach",
    have: longest,
    need: most,
    text: `broken for ${longest} minutes at one go, of at most ${most}`,
  }
  const failed = {
    gate: "critical",
    have: critical,
    need: 0,
    text: `${critical} failed critically, of none from level ${from} on`,
  }
  return [
    ...(longest > most ? [breach] : []),
    ...(from !== undefined && level >= from && critical > 0 ? [failed] : []),
  ]
}

function countGates(
  question: Question,
  level: number,
  bank: Bank,
  { days, sessions, units }: Standing,
): Missing[] {
  const { unit } = question
  const gates = gatesOf(question, bank)
  const [ofDays, ofUnits, ofSessions] = [gates.days, gates.units, gates.sessions].map((values) =>
    ofLevel(values, level),
  ) as [number, number, number]
  const own = { gate: `${unit}s`, have: units, need: ofUnits }
  // Where a session is the unit, the two gates are one; where a day is, it has no sessions.
  const seen = {
    gate: "sessions",
    have: sessions,
    need: unit === "session" ? Math.max(ofUnits, ofSessions) : ofSessions,
  }
  const inDays = unit === "day" ? Math.max(ofDays, ofUnits) : ofDays
  const counted = [
    { gate: "days", have: days, need: inDays, text: daysText(days, inDays) },
    ...(isOfDays(question) ? [] : [seen]),
    ...(unit === "session" || unit === "day" ? [] : [own]),
  ]
  return counted
    .filter(({ have, need }) => have < need)
    .map((missing) => ({ text: `${missing.have} of ${missing.need} ${missing.gate}`, ...missing }))
}

function shareGates(
  question: Question,
  level: number,
  bank: Bank,
  { weight, units, missed }: Standing,
): Missing[] {
  const { test, thresholds } = gatesOf(question, bank)
  const threshold = ofLevel(thresholds, level)
  // Drills are counted as they are; how old they may be is a gate of its own.
  if (test === "count") return surplusGates(units, missed, threshold)
  const more = unitsToReach(test, weight, threshold)
  const share = test === "ratio" ? "share" : "share that is 95 % sure"
  if (more === null) {
    const all = `${share}, of all: what did not pass rules it out while it is in the window`
    return [{ gate: test, have: units, need: units + 1, text: all }]
  }
  const noun = more === 1 ? question.unit : `${question.unit}s`
  const text = `${share}, of ${percentText(threshold)}: ${more} more passing ${noun} and none that fails`
  return [{ gate: test, have: units, need: units + more, text }]
}

function surplusGates(passed: number, missed: number, least: number): Missing[] {
  const have = Math.max(passed - missed, 0)
  const need = have + least - (passed - missed)
  const text = `${passed} went well and ${missed} did not, of ${least} more that do than don't`
  return [{ gate: "count", have, need, text }]
}

function hardenedGates(
  question: Question,
  level: number,
  { weight, hardened }: Standing,
): Missing[] {
  if (!needsHardened(question, level) || (weight.k > 0 && 2 * hardened >= weight.k)) return []
  const have =
    weight.k === 0 ? 0 : quotient(quotient(hardened, 1000) * 1000, quotient(weight.k, 1000))
  return [{ gate: "hardened", have, need: 500, text: needText({ level, kind: "hardened" }) }]
}

function daysText(have: number, need: number): string {
  const rest = need - have === 1 ? "run again tomorrow" : `run again on ${need - have} more days`
  return `${have} of ${need} ${need === 1 ? "day" : "days"}: ${rest}`
}
