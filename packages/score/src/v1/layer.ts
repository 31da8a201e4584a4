import { quotient } from "./integer.ts"
import type { Level } from "./question.ts"

/** A question's level as its layer sees it. */
export interface Rated {
  readonly level: Level
  readonly highRisk: boolean
}

/**
 * A layer's level: the highest that all of its high-risk questions and at least 80 % of all its
 * questions have reached. It is U where the questions without a level could still decide it, and 0
 * only where it is known to be 0.
 */
export function layerLevel(questions: readonly Rated[]): Level {
  const sure = staged(
    questions.map(({ level, highRisk }) => ({ highRisk, level: level === "U" ? 0 : level })),
  )
  if (sure > 0) return sure as Level
  const best = staged(
    questions.map(({ level, highRisk }) => ({ highRisk, level: level === "U" ? 5 : level })),
  )
  return best === 0 ? 0 : "U"
}

/** The lowest of the layers, U below all. */
export function overallLevel(layers: readonly Level[]): Level {
  if (layers.length === 0 || layers.includes("U")) return "U"
  return Math.min(...(layers as readonly number[])) as Level
}

function staged(
  questions: readonly { readonly highRisk: boolean; readonly level: number }[],
): number {
  const enough = quotient(questions.length * 4 + 4, 5)
  const isStage = (stage: number): boolean =>
    questions.every(({ highRisk, level }) => !highRisk || level >= stage) &&
    questions.filter(({ level }) => level >= stage).length >= enough
  return [5, 4, 3, 2, 1].find(isStage) ?? 0
}
