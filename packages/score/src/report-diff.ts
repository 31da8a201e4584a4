import { AmcError } from "@amc/core"
import type { Report, ReportedQuestion } from "./v1/report.ts"
import type { Level } from "./v1/level.ts"

/** What became of one question, layer or the whole. */
export interface Changed {
  readonly from: Level
  readonly to: Level
}

/** What is otherwise in a later report. */
export interface ReportDiff {
  readonly status: { readonly from: Report["status"]; readonly to: Report["status"] }
  readonly integrity_index: { readonly from: number; readonly to: number }
  readonly overall: Changed
  readonly layers: readonly (Changed & { readonly name: string })[]
  /** Only those that changed: in level, in what they count or in what holds them. */
  readonly questions: readonly (Changed & {
    readonly id: string
    readonly title: string
    readonly units: {
      readonly from: ReportedQuestion["units"]
      readonly to: ReportedQuestion["units"]
    }
    readonly binding_gate: { readonly from: string | null; readonly to: string | null }
  })[]
}

/**
 * Compares two reports on one agent. Those of another engine or bank ask something else, so their levels
 * are no series.
 *
 * @throws {@link AmcError} `score/not-comparable`
 */
export function diffReports(from: Report, to: Report): ReportDiff {
  if (from.agent !== to.agent) throw notComparable("they are about different agents")
  if (from.engine !== to.engine || from.bank_sha256 !== to.bank_sha256)
    throw notComparable("another engine or bank made one of them, and that starts a new series")
  const later = new Map(to.questions.map((question) => [question.id, question]))
  return {
    status: { from: from.status, to: to.status },
    integrity_index: { from: from.integrity_index, to: to.integrity_index },
    overall: { from: from.overall, to: to.overall },
    layers: from.layers.map(({ name, level }, at) => ({
      name,
      from: level,
      to: to.layers[at]?.level ?? "U",
    })),
    questions: from.questions.flatMap((before) => changeOf(before, later.get(before.id))),
  }
}

function changeOf(
  before: ReportedQuestion,
  after: ReportedQuestion | undefined,
): ReportDiff["questions"] {
  if (after === undefined) return []
  const { id, title, level, units, binding_gate: gate } = before
  const isSame =
    level === after.level &&
    gate === after.binding_gate &&
    JSON.stringify(units) === JSON.stringify(after.units)
  if (isSame) return []
  const binding = { from: gate, to: after.binding_gate }
  const counted = { from: units, to: after.units }
  return [{ id, title, from: level, to: after.level, units: counted, binding_gate: binding }]
}

function notComparable(why: string): AmcError {
  return new AmcError("score/not-comparable", `the two reports can't be compared: ${why}`)
}
