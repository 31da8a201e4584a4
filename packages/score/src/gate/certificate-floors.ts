import { certificateFloors } from "@amc/core"
import { quotient } from "../v1/integer.ts"
import type { Report } from "../v1/report.ts"
import type { GateCheck } from "./gate-evidence.ts"
import { check } from "./rule-check.ts"

/** How much of what was opened was also sealed, in thousandths, cut. */
export function completenessOf({ sessions }: Report): number {
  return sessions.opened === 0 ? 0 : quotient(sessions.sealed * 1000, sessions.opened)
}

/** The checks that a certificate asks for beside those of its policy. */
export function certificateChecks(report: Report): readonly GateCheck[] {
  const { integrityIndex, completenessPerMille } = certificateFloors
  const complete = completenessOf(report)
  return [
    check("integrity-index", {
      subject: "certificate",
      value: String(report.integrity_index),
      bound: `at least ${integrityIndex}`,
      passed: report.integrity_index >= integrityIndex,
      next: "see 'amc run report' for the integrity facts that cost points",
    }),
    check("completeness", {
      subject: "certificate",
      value: `${complete} of 1000 sessions sealed`,
      bound: `at least ${completenessPerMille} of 1000`,
      passed: complete >= completenessPerMille,
      next: "see the report for sessions without a seal; measure until they lie outside of the window",
    }),
  ]
}
