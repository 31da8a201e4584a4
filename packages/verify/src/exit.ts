import type { Finding, Verdict } from "@amc/core"

/** Exit codes of a verdict (DESIGN.md section 10): accepted, rejected, could not look, tampered. */
export type VerdictExit = 0 | 1 | 3 | 4

/** What a newer program could judge and this one can't. */
const unlookable: ReadonlySet<string> = new Set([
  "input/unsupported-version",
  "score/unknown-engine",
  "score/unknown-bank",
])

/** The exit code of a verdict; the gravest finding decides, 4 before 3 before 1. */
export function exitOf(verdict: Verdict<unknown>): VerdictExit {
  if (verdict.accepted) return 0
  if (verdict.findings.some(({ tampered }) => tampered)) return 4
  return verdict.findings.some(isUnlookable) ? 3 : 1
}

function isUnlookable({ code }: Finding): boolean {
  return unlookable.has(code)
}
