import { traceVerdicts } from "@amc/core"
import { type TraceTally, verdictText } from "@amc/studio"

/** What the calls of a trace were found to be, a line for each verdict that came up. */
export function traceLines({ calls, verdicts, known, low }: TraceTally): string[] {
  const found = traceVerdicts.filter((verdict) => verdicts[verdict] > 0)
  return [
    ...(calls === 0 ? ["no new call of a model is in the trace"] : []),
    ...found.map((verdict) => verdictText(verdict, verdicts[verdict], calls)),
    ...(low ? ["the correlation is low: fewer than 95 of 100 calls correlate"] : []),
    ...(known > 0 ? [`${known} were known from an earlier trace and are not counted again`] : []),
  ]
}
