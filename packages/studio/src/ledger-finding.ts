import { type AmcError, type Finding, isFault } from "@amc/core"
import type { EventStore } from "@amc/ledger"
import type { FindingList } from "@amc/verify"

/**
 * Reads from a ledger that may have been changed: what contradicts becomes a finding, and
 * what says nothing of its content goes on.
 *
 * @throws {@link AmcError} `store/unavailable`, `workspace/missing`
 */
export async function attemptRead<T>(
  subject: string,
  findings: FindingList,
  read: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await read()
  } catch (error) {
    if (!isFault(error) || saysNothing(error)) throw error
    findings.add(findingOf(error, subject))
    return undefined
  }
}

/** The signed notes of all checkpoints, or none where they are no longer what this program wrote. */
export async function readNotes(
  events: EventStore,
  findings: FindingList,
): Promise<readonly string[]> {
  const kept = await attemptRead("checkpoints", findings, () => events.checkpoints())
  return (kept ?? []).map(({ note }) => note)
}

/** A fault as a finding: what is missing is not there, and all else contradicts what was written. */
export function findingOf(error: AmcError, subject: string): Finding {
  const { code, message: detail } = error
  const tampered = isBroken(error) || !harmless.has(code)
  return { code, subject, detail, tampered }
}

const harmless: ReadonlySet<string> = new Set([
  "run/unknown",
  "workspace/missing",
  "store/unavailable",
  "input/unsupported-version",
])

function saysNothing(error: AmcError): boolean {
  return isFault(error, "store/unavailable", "workspace/missing") && !isBroken(error)
}

/** Whether the database itself is no longer one. */
function isBroken({ cause }: AmcError): boolean {
  const code: unknown = (cause as { code?: unknown } | undefined)?.code
  return code === "SQLITE_NOTADB" || (typeof code === "string" && code.startsWith("SQLITE_CORRUPT"))
}
