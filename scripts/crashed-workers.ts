import type { SerializedError } from "vitest/node"

/** How a process ends when the machine code under it is at fault, and not what a test asked of it. */
const ofTheRuntime =
  /^Worker exited unexpectedly with signal SIG(?:SEGV|TRAP|ILL|BUS|ABRT) .*while running test file (\S+)$/

/**
 * The test files whose worker the runtime itself ended, when that is all that went wrong; none otherwise.
 *
 * Node 24's V8 does so now and then in whatever file runs at the time (nodejs/node#62393, #64500).
 */
export function crashedFiles(errors: readonly SerializedError[]): readonly string[] {
  const files = errors.map(fileOf)
  return files.every((file) => file !== undefined) ? [...new Set(files)] : []
}

function fileOf(error: SerializedError | undefined): string | undefined {
  if (error === undefined) return undefined
  return ofTheRuntime.exec(error.message)?.[1] ?? fileOf(error.cause as SerializedError | undefined)
}
