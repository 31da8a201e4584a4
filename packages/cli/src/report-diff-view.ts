import type { Changed, ReportDiff } from "@amc/score"
import { printable } from "./printable.ts"

/** What moved between two reports, a line for each layer and each question that changed. */
export function viewReportDiff({ status, overall, layers, questions }: ReportDiff): string[] {
  return [
    `overall  ${arrow(overall)}  status ${status.from} -> ${status.to}`,
    ...layers.map((layer) => printable(`  ${arrow(layer)}  ${layer.name}`)),
    ...(questions.length === 0 ? ["no question changed"] : []),
    ...questions.map(({ id, title, units, ...change }) =>
      printable(
        `${id.padEnd(7)} ${arrow(change)}  ${title}: ${units.from.k} of ${units.from.n} passed -> ${units.to.k} of ${units.to.n}`,
      ),
    ),
  ]
}

function arrow({ from, to }: Changed): string {
  return from === to ? `${from} as before` : `${from} -> ${to}`
}
