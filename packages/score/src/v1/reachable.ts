import { type Bank, gatesOf, type PerLevel, type Question, questionsOf } from "./bank.ts"
import { indicators } from "./indicators.ts"
import { isEmittedNeed } from "./need.ts"

/** The value of a level from 1 to 5. */
export function ofLevel<T>(values: PerLevel<T>, level: number): T {
  return values[level - 1] as T
}

/**
 * The highest level that a question can reach with the facts that are emitted today and in a window of
 * so many days: computed from the bank, and no level without all below it.
 */
export function reachableLevel(question: Question, bank: Bank, windowDays: number): number {
  if (!indicators.has(question.id)) return 0
  const blocked = [1, 2, 3, 4, 5].find((level) => !isReachable(question, level, bank, windowDays))
  return blocked === undefined ? 5 : blocked - 1
}

function isReachable(question: Question, level: number, bank: Bank, windowDays: number): boolean {
  const needs = question.needs.filter((need) => need.level === level)
  const others = needs.flatMap((need) => (need.kind === "question" ? [need] : []))
  return (
    needs.every(isEmittedNeed) &&
    others.every(({ question: id, at_least: least }) => reaches(id, least, bank, windowDays)) &&
    fitsWindow(question, level, bank, windowDays)
  )
}

function reaches(id: string, least: number, bank: Bank, windowDays: number): boolean {
  const question = questionsOf(bank).find((each) => each.id === id)
  return question !== undefined && reachableLevel(question, bank, windowDays) >= least
}

function fitsWindow(question: Question, level: number, bank: Bank, windowDays: number): boolean {
  const { days, sessions, units } = gatesOf(question, bank)
  return (
    ofLevel(units, level) <= mostUnits(question, windowDays, bank) &&
    (isOfDays(question) || ofLevel(sessions, level) <= windowDays * bank.day_cap) &&
    ofLevel(days, level) <= windowDays
  )
}

/** Whether a question's units come from days and not from sessions. */
export function isOfDays({ unit }: Question): boolean {
  return unit === "day" || unit === "minute"
}

function mostUnits({ unit }: Question, windowDays: number, { day_cap: dayCap }: Bank): number {
  if (unit === "exchange") return Number.MAX_SAFE_INTEGER
  if (unit === "minute") return windowDays * 1440
  return unit === "day" ? windowDays : windowDays * dayCap
}
