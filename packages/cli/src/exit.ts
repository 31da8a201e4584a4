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

/** Commands that end with the agent's own exit code. */
const passThrough: ReadonlySet<string> = new Set(["wrap", "sandbox run"])

/** The exit code of a thrown value, in a command. */
export function exitOfError(error: unknown, command = ""): number {
  if (!(error instanceof AmcError)) return Exit.bug
  if (error.code === "sandbox/start-failed" && passThrough.has(command)) return Exit.notStarted
  return usageCodes.has(error.code) ? Exit.usage : Exit.fault
}

/** One line for people about a finding. */
export function describeFinding({ code, subject, detail }: Finding): string {
  return `${code}: ${subject}: ${detail}`
}
