import { quotient } from "./integer.ts"
import type { Level } from "./level.ts"

/** A question's level as its layer sees it. */
export interface Rated {
  readonly level: Level
  readonly highRisk: boolean
  /**
   * For a question that comes up only at times: whether something of it did not pass. If so it holds its
   * layer at one above its own level; if not, it says nothing.
   */
  readonly occasion?: "missed" | "none" | undefined
}

/**
 * A layer's level: the highest that all of its high-risk questions and at least 80 % of all its
 * questions have reached, and at most one above what came up and went badly. It is U where the questions
 * without a level could still decide it, and 0 only where it is known to be 0.
 */
export function layerLevel(questions: readonly Rated[]): Level {
  const regular = questions.filter(({ occasion }) => occasion === undefined)
  const most = mostOf(questions.filter(({ occasion }) => occasion === "missed"))
  const sure = Math.min(most, staged(regular.map((each) => rated(each, 0))))
  if (sure > 0) return sure as Level
  const best = staged(regular.map((each) => rated(each, 5)))
  return best === 0 ? 0 : "U"
}

/** The lowest of the layers, U below all. */
export function overallLevel(layers: readonly Level[]): Level {
  if (layers.length === 0 || layers.includes("U")) return "U"
  return Math.min(...(layers as readonly number[])) as Level
}

function mostOf(occasions: readonly Rated[]): number {
  return Math.min(5, ...occasions.map(({ level }) => (level === "U" ? 0 : level) + 1))
}

type Known = Pick<Rated, "highRisk"> & { readonly level: number }

function rated({ highRisk, level }: Rated, unknown: number): Known {
  return { highRisk, level: level === "U" ? unknown : level }
}

function staged(questions: readonly Known[]): number {
  const enough = quotient(questions.length * 4 + 4, 5)
  const isStage = (stage: number): boolean =>
    questions.every(({ highRisk, level }) => !highRisk || level >= stage) &&
    questions.filter(({ level }) => level >= stage).length >= enough
  return [5, 4, 3, 2, 1].find(isStage) ?? 0
}
