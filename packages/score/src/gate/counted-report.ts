import type { GatePolicy } from "@amc/core"
import type { Report } from "../v1/report.ts"
import type { JudgedRun } from "./gate-evidence.ts"
import type { Level } from "../v1/level.ts"

/**
 * The report with the levels that count for a policy: where it asks for observation, a level 5 that rests on
 * anything else counts as 4. It is lowered and not refused, so that to show less never helps.
 */
export function countedReport(
  { requireObservedForLevel5 }: GatePolicy,
  { report, observed }: JudgedRun,
): Report {
  if (!requireObservedForLevel5) return report
  const unseen = report.questions.filter(({ id, level }) => level === 5 && !observed.has(id))
  if (unseen.length === 0) return report
  const below = (level: Level, isConcerned: boolean): Level =>
    level === 5 && isConcerned ? 4 : level
  return {
    ...report,
    overall: below(report.overall, true),
    layers: report.layers.map((each) => ({
      ...each,
      level: below(
        each.level,
        unseen.some(({ layer }) => layer === each.name),
      ),
    })),
    questions: report.questions.map((each) => ({
      ...each,
      level: below(
        each.level,
        unseen.some(({ id }) => id === each.id),
      ),
      missing: unseen.some(({ id }) => id === each.id) ? [unobserved] : each.missing,
    })),
  }
}

const unobserved = {
  gate: "tier",
  have: 0,
  need: 1,
  text: "level 5 that rests on more than what the monitor observed counts as 4",
}
