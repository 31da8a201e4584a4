import type { Need, Question } from "./bank.ts"
import { type EmittedFact, emitted } from "./emitters.ts"
import { quotient } from "./integer.ts"
import type { Level } from "./level.ts"

/** The levels that other questions have reached, as far as a need asks for them. */
export type Levels = ReadonlyMap<string, Level>

/** What a need asks for, in words. */
export function needText(need: Need): string {
  switch (need.kind) {
    case "pack":
      return `needs assurance pack ${need.pack} at ${percentText(need.per_mille)}, which can't be run yet`
    case "question":
      return `needs ${need.question} at level ${need.at_least}`
    case "fact":
      return `needs the fact ${need.fact}, which nothing records yet`
    case "hardened":
      return "needs half of what passed to be seen in hardened sandboxes"
  }
}

/** How much a need asks for, in its own unit. */
export function neededOf(need: Need): number {
  if (need.kind === "pack") return need.per_mille
  if (need.kind === "question") return need.at_least
  return need.kind === "fact" ? 1 : 500
}

/** How much there is of what a need asks for. No fact of today's catalogue can meet a pack. */
export function haveOf(need: Need, levels: Levels): number {
  const level = need.kind === "question" ? (levels.get(need.question) ?? "U") : 0
  return level === "U" ? 0 : level
}

/** Whether all the facts that a need rests on are emitted; another question is asked after by itself. */
export function isEmittedNeed(need: Need): boolean {
  if (need.kind === "question") return true
  const fact = need.kind === "hardened" ? "sandbox_probe" : "assurance_run"
  return emitted.has((need.kind === "fact" ? need.fact : fact) as EmittedFact)
}

/** Whether a level of a question asks for hardened sandboxes (S2: level 5 of what is of high risk does). */
export function needsHardened({ high_risk: isHighRisk, needs }: Question, level: number): boolean {
  return (
    (isHighRisk && level === 5) ||
    needs.some((need) => need.kind === "hardened" && need.level === level)
  )
}

/** A share in parts per 1000 as a text: `97.5 %`. */
export function percentText(perMille: number): string {
  const tenths = perMille % 10
  return `${quotient(perMille, 10)}${tenths === 0 ? "" : `.${tenths}`} %`
}
