import type { Bank, Question } from "./bank.ts"
import { reaches, unitsToReach } from "./bound.ts"
import type { Cap } from "./cap.ts"
import { quotient } from "./integer.ts"
import { neededOf, needsHardened, needText, percentText } from "./need.ts"
import { ofLevel } from "./reachable.ts"
import { type Standing, standingAt, type Tally } from "./tally.ts"

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
}

/** The gates that stop a level, the one that binds most first; none means that it is passed. */
export function gatesAgainst(
  { tally, cap, bank, today }: Subject,
  level: number,
): readonly Missing[] {
  const { question } = tally
  const standing = standingAt(tally, level, bank, today)
  const counts = countGates(question, level, bank, standing)
  const short = Math.max(
    0,
    ...counts.filter(({ gate }) => gate !== "days").map(({ have, need }) => need - have),
  )
  return [
    ...capGates(cap, level),
    ...needGates(question, level),
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

/** No fact of today's catalogue can meet a pack or another bank's question, so both stand in the way. */
function needGates(question: Question, level: number): Missing[] {
  const unmet = question.needs.filter((need) => need.level === level && need.kind !== "hardened")
  return unmet.map((need) => ({
    gate: need.kind,
    have: 0,
    need: neededOf(need),
    text: needText(need),
  }))
}

function countGates(
  { profile, unit }: Question,
  level: number,
  bank: Bank,
  { days, sessions, units }: Standing,
): Missing[] {
  const gates = bank.profiles[profile]
  const ofDays = ofLevel(gates.days, level)
  const ofUnits = ofLevel(gates.units, level)
  const ofSessions = ofLevel(gates.sessions, level)
  return [
    { gate: "days", have: days, need: ofDays, text: daysText(days, ofDays) },
    // Where a session is the unit, the two gates are one.
    {
      gate: "sessions",
      have: sessions,
      need: unit === "session" ? Math.max(ofUnits, ofSessions) : ofSessions,
    },
    { gate: `${unit}s`, have: units, need: ofUnits },
  ]
    .filter(
      ({ gate, have, need }, at, all) =>
        have < need && all.findIndex((other) => other.gate === gate) === at,
    )
    .map((missing) => ({ text: `${missing.have} of ${missing.need} ${missing.gate}`, ...missing }))
}

function shareGates(
  question: Question,
  level: number,
  bank: Bank,
  { weight, units }: Standing,
): Missing[] {
  const profile = bank.profiles[question.profile]
  const threshold = ofLevel(question.thresholds_per_mille ?? profile.thresholds_per_mille, level)
  if (reaches(profile.test, weight, threshold)) return []
  const more = unitsToReach(profile.test, weight, threshold)
  const share = profile.test === "ratio" ? "share" : "share that is 95 % sure"
  const noun = more === 1 ? question.unit : `${question.unit}s`
  const text = `${share}, of ${percentText(threshold)}: ${more} more passing ${noun} and none that fails`
  return [{ gate: profile.test, have: units, need: units + more, text }]
}

function hardenedGates(
  question: Question,
  level: number,
  { weight, hardened }: Standing,
): Missing[] {
  if (!needsHardened(question, level) || (weight.k > 0 && 2 * hardened >= weight.k)) return []
  const have = weight.k === 0 ? 0 : quotient(hardened * 1000, weight.k)
  return [{ gate: "hardened", have, need: 500, text: needText({ level, kind: "hardened" }) }]
}

function daysText(have: number, need: number): string {
  const rest = need - have === 1 ? "run again tomorrow" : `run again on ${need - have} more days`
  return `${have} of ${need} ${need === 1 ? "day" : "days"}: ${rest}`
}
