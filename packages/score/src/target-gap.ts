import { AmcError, type TargetConfig } from "@amc/core"
import { rankOf } from "./v1/question.ts"
import type { Report, ReportedQuestion } from "./v1/report.ts"
import type { Level } from "./v1/level.ts"

/** A question that has not reached its target, and what to collect next. */
export interface TargetGap {
  readonly id: string
  readonly title: string
  readonly layer: string
  readonly level: Level
  readonly target: number
  /** Whether today's facts and the report's window can give that level at all. */
  readonly reachable: boolean
  /** What the next level lacks, the first of it first. */
  readonly next: readonly string[]
  readonly clean_to_next: number | null
}

/**
 * What a report lacks of a target. A layer's target is one of each of its questions, where the question has
 * none of its own.
 *
 * @throws {@link AmcError} `input/malformed` if the target is another agent's, or names what the report has not
 */
export function targetGaps(report: Report, target: TargetConfig): readonly TargetGap[] {
  checkNames(report, target)
  return report.questions.flatMap((question) => gapOf(question, target))
}

function gapOf(question: ReportedQuestion, { layers, questions }: TargetConfig): TargetGap[] {
  const { id, title, layer, level, reachable, missing, clean_to_next } = question
  const target = questions?.[id] ?? layers?.[layer] ?? 0
  if (rankOf(level) >= target) return []
  const next = missing.map(({ text }) => text)
  return [{ id, title, layer, level, target, reachable: reachable >= target, next, clean_to_next }]
}

function checkNames(report: Report, { agent, layers, questions }: TargetConfig): void {
  const ids = new Set(report.questions.map(({ id }) => id))
  const names = new Set(report.layers.map(({ name }) => name))
  const unknown = [
    ...Object.keys(questions ?? {}).filter((id) => !ids.has(id)),
    ...Object.keys(layers ?? {}).filter((name) => !names.has(name)),
  ]
  if (agent !== report.agent)
    throw new AmcError(
      "input/malformed",
      `the target is one of ${agent}, and the report of ${report.agent}`,
    )
  if (unknown.length > 0)
    throw new AmcError("input/malformed", `the bank has no ${unknown.join(", ")}`, {
      hint: `it asks ${[...ids].sort().join(", ")}; its layers are ${[...names].join(", ")}`,
    })
}
