import type { VerdictLine } from "@amc/verify"
import { printable } from "./printable.ts"

const marks = { holds: "ok", fails: "NO", unknown: "--" } as const

/** A verdict, a line for each question. */
export function viewVerdict(lines: readonly VerdictLine[]): string[] {
  return lines.map(({ aspect, state, text }) =>
    printable(`${marks[state]}  ${aspect.padEnd(12)}  ${text}`),
  )
}
