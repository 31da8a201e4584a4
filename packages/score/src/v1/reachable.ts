import type { Bank, PerLevel, Question } from "./bank.ts"
import { isAskable, isReachableNeed, needsHardened } from "./need.ts"

/** The value of a level from 1 to 5. */
export function ofLevel<T>(values: PerLevel<T>, level: number): T {
  return values[level - 1] as T
}

/**
 * The highest level that a question can reach with the facts that are emitted today and in a window of
 * so many days: computed from the bank, and no level without all below it.
 */
export function reachableLevel(question: Question, bank: Bank, windowDays: number): number {
  if (!isAskable(question.id)) return 0
  const blocked = [1, 2, 3, 4, 5].find((level) => !isReachable(question, level, bank, windowDays))
  return blocked === undefined ? 5 : blocked - 1
}

function isReachable(question: Question, level: number, bank: Bank, windowDays: number): boolean {
  const hardened = { level, kind: "hardened" } as const
  const needs = question.needs.filter((need) => need.level === level)
  const all = needsHardened(question, level) ? [...needs, hardened] : needs
  return all.every(isReachableNeed) && fitsWindow(question, level, bank, windowDays)
}

function fitsWindow(question: Question, level: number, bank: Bank, windowDays: number): boolean {
  const { days, sessions, units } = bank.profiles[question.profile]
  const mostSessions = windowDays * bank.day_cap
  const fitsUnits = question.unit === "exchange" || ofLevel(units, level) <= mostSessions
  return fitsUnits && ofLevel(sessions, level) <= mostSessions && ofLevel(days, level) <= windowDays
}
