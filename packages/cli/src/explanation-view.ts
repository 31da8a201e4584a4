import type { ExplainedUnit, Explanation } from "@amc/score"
import { dayOf } from "./day.ts"
import { printable } from "./printable.ts"

const unitsMost = 40
const dayMs = 86_400_000

/** An explanation as a person wants to read it: what is asked, what stands in the way, what was seen. */
export function viewExplanation(explanation: Explanation): string[] {
  const { question, level, reachable, levels, units } = explanation
  return [
    `${question.id} ${printable(question.title)}: level ${level}, of ${reachable} that could be reached`,
    "",
    `why it matters   ${printable(question.why)}`,
    `what decides it  ${printable(question.measures)}`,
    `how to improve   ${printable(question.improve)}`,
    "",
    ...boundLines(explanation),
    ...outlookLines(explanation),
    "",
    ...levels.map(
      ({ level: step, missing }) =>
        `level ${step}  ${missing.length === 0 ? "passed" : missing.map(({ text }) => printable(text)).join("; ")}`,
    ),
    "",
    ...unitLines(units),
  ]
}

function boundLines({ bound_per_mille: bound, threshold, question, cap }: Explanation): string[] {
  const is = question.profile === "cov" || question.profile === "time" ? "share" : "surely at least"
  const asked = threshold === null ? "" : `, and the next level asks for ${percent(threshold)}`
  return [
    ...(bound === null ? [] : [`${is} ${percent(bound)}${asked}`]),
    ...(cap === null
      ? []
      : [
          `at most level ${cap.level}: ${cap.causes.map(({ text }) => printable(text)).join("; ")}`,
        ]),
  ]
}

function outlookLines({
  clean_to_next: clean,
  fragile,
  drops_at_ms: drops,
  question,
}: Explanation): string[] {
  const noun = clean === 1 ? question.unit : `${question.unit}s`
  return [
    ...(clean === null
      ? []
      : [`${clean} more clean ${noun} and none that fails reach the next level, days aside`]),
    ...(fragile ? ["fragile: one session or day less would lower it"] : []),
    ...(drops === null ? [] : [`without new evidence it drops on ${dayOf(drops)}`]),
  ]
}

function unitLines(units: readonly ExplainedUnit[]): string[] {
  if (units.length === 0) return ["nothing that it asks about was seen"]
  const left = units.length - unitsMost
  return [
    ...units.slice(0, unitsMost).map(unitLine),
    ...(left > 0 ? [`and ${left} more; --json has them all`] : []),
  ]
}

function unitLine({
  session,
  day,
  outcome,
  count,
  weight_per_mille: weight,
  events,
}: ExplainedUnit): string {
  const times = count === 1 ? "" : ` x${count}`
  const worth = weight === null ? "does not count" : `weighs ${percent(weight)}`
  const shown = events.slice(0, 3).join(" ")
  return printable(`${dayOf(day * dayMs)}  ${outcome}${times}  ${worth}  ${session}  ${shown}`)
}

function percent(perMille: number): string {
  return `${perMille / 10} %`
}
