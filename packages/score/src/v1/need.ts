import type { Need, Question } from "./bank.ts"
import { type EmittedFact, emitted } from "./emitters.ts"
import { indicators } from "./indicators.ts"
import { quotient } from "./integer.ts"

/** What a need asks for, in words. */
export function needText(need: Need): string {
  switch (need.kind) {
    case "pack":
      return `needs assurance pack ${need.pack} at ${percentText(need.per_mille)}, which can't be run yet`
    case "question":
      return `needs ${need.question} at level ${need.at_least}, which can't be asked yet`
    case "hardened":
      return "needs half of what passed to be seen in hardened sandboxes"
  }
}

/** How much a need asks for, in its own unit. */
export function neededOf(need: Need): number {
  return need.kind === "pack" ? need.per_mille : need.kind === "question" ? need.at_least : 500
}

/** Whether all the facts that a question is decided by are emitted. */
export function isAskable(question: string): boolean {
  const reads = indicators.get(question)?.reads ?? []
  return reads.length > 0 && reads.every((type) => emitted.has(type))
}

/** Whether all the facts that a need rests on are emitted. */
export function isReachableNeed(need: Need): boolean {
  if (need.kind === "question") return isAskable(need.question)
  const fact: EmittedFact = need.kind === "pack" ? "assurance_run" : "sandbox_probe"
  return emitted.has(fact)
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
