import type { Report, TargetGap } from "@amc/score"
import { printable } from "./printable.ts"

/** What a report lacks of a target, and the evidence to collect next. An INVALID one reaches none. */
export function viewGaps({ status }: Report, gaps: readonly TargetGap[]): string[] {
  if (gaps.length > 0) return gaps.flatMap(gapLines)
  return status === "VALID"
    ? ["the target is reached"]
    : ["the report is INVALID, so it reaches no target"]
}

function gapLines({ id, title, level, target, reachable, next }: TargetGap): string[] {
  const far = reachable ? "" : ", which can't be reached in this window with today's evidence"
  return [
    printable(`${id.padEnd(7)} ${title}: level ${level} of ${target}${far}`),
    ...next.map((text) => `          next: ${printable(text)}`),
  ]
}
