import { existsSync } from "node:fs"
import { join } from "node:path"
import { AmcError, type Event, eventHash, isFault, parseEvent } from "@amc/core"
import type { EvidenceEvent } from "@amc/score"
import { ledgerFileName, openLedger, type SqliteLedger } from "@amc/store-sqlite"
import { ledgerDir } from "./recorder-thread.ts"
import type { Workspace } from "./workspace.ts"

/** Whether anything was ever recorded here, as far as the folder tells. */
export function hasLedger(workspace: Workspace): boolean {
  return existsSync(join(ledgerDir(workspace), ledgerFileName))
}

/** Whether there is a ledger in a format that this program knows; an emptied file is none. */
export async function hasKnownLedger(workspace: Workspace): Promise<boolean> {
  if (!hasLedger(workspace)) return false
  try {
    return await withLedger(workspace, async () => true)
  } catch (error) {
    if (!isFault(error)) throw error
    return error.code !== "input/unsupported-version"
  }
}

/** Opens the workspace's ledger to read only; works while another process writes it. */
export async function withLedger<T>(
  workspace: Workspace,
  use: (ledger: SqliteLedger) => Promise<T>,
): Promise<T> {
  if (!hasLedger(workspace))
    throw new AmcError("workspace/missing", "nothing has been recorded in this workspace yet", {
      hint: "start with 'amc score -- <your agent command>'",
    })
  const ledger = openLedger(ledgerDir(workspace), { readOnly: true })
  try {
    return await use(ledger)
  } finally {
    await ledger.close()
  }
}

/** A leaf as an event that a score reads. Its signature is the verifier's business. */
export function evidenceEventOf(leaf: Uint8Array): EvidenceEvent {
  return { hash: eventHash(leaf), event: eventOf(leaf) }
}

/** The event of a leaf. */
export function eventOf(leaf: Uint8Array): Event {
  return parseEvent(leaf)
}
