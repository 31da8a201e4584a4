import { AmcError, type ErrorCode, type Finding } from "@amc/core"

/** Exit codes are API: scripts and CI gates branch on them (DESIGN.md section 10). */
export const Exit = {
  accepted: 0,
  rejected: 1,
  usage: 2,
  fault: 3,
  tampered: 4,
  notStarted: 125,
  bug: 70,
} as const

const usageCodes: ReadonlySet<ErrorCode> = new Set(["usage/invalid"])

/** The exit code of a thrown value. */
export function exitOfError(error: unknown): number {
  if (!(error instanceof AmcError)) return Exit.bug
  return usageCodes.has(error.code) ? Exit.usage : Exit.fault
}

/** One line for people about a finding. */
export function describeFinding({ code, subject, detail }: Finding): string {
  return `${code}: ${subject}: ${detail}`
}
