import { isFault, printableJson } from "@amc/core"
import type { Outcome } from "./command.ts"
import { Exit, exitOfError } from "./exit.ts"
import { nextStepOf, nextStepOfFinding } from "./next-step.ts"

/** What `--json` prints of a finding; `next` is what the person can do about it. */
interface Told {
  readonly code: string
  readonly subject: string
  readonly detail: string
  readonly next: string | null
}

/** The one JSON object of a command that came to an end (DESIGN.md section 11). */
export function outcomeEnvelope(command: string, { exit, data, findings }: Outcome): string {
  const told = (findings ?? []).map((finding) => ({
    ...finding,
    next: nextStepOfFinding(finding),
  }))
  return encode({ command, exit, data, findings: told })
}

/** The same object for what was thrown: a fault with the next step, or a bug with its stack. */
export function errorEnvelope(command: string, error: unknown): string {
  const { code, message, next } = describeError(command, error)
  const findings = [{ code, subject: command, detail: message, next }]
  return encode({ command, exit: exitOfError(error, command), data: null, findings })
}

/** What there is to say of a thrown value. Only a fault's message is free of the program's inside. */
export function describeError(
  command: string,
  error: unknown,
): {
  readonly code: string
  readonly message: string
  readonly next: string | null
} {
  if (isFault(error))
    return { code: error.code, message: error.message, next: nextStepOf(error, command) }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { code: "amc/bug", message, next: null }
}

interface Envelope {
  readonly command: string
  readonly exit: number
  readonly data: unknown
  readonly findings: readonly Told[]
}

function encode({ command, exit, data, findings }: Envelope): string {
  const ok = exit === Exit.accepted
  return printableJson(JSON.stringify({ schema: "amc.cli/v1", command, ok, exit, data, findings }))
}
