import { AmcError, type Digest, equalBytes, isFault } from "@amc/core"
import { type PublishedCheckpoint, readPublished } from "@amc/ledger"
import type { SqliteLedger } from "@amc/store-sqlite"
import { openSignedCheckpoint } from "@amc/verify"
import { tileStoreOf } from "./tile-folder.ts"
import type { Workspace } from "./workspace.ts"

/** Refuses to go on where nothing is published. @throws {@link AmcError} `ledger/not-published` */
export async function requirePublished(workspace: Workspace): Promise<PublishedCheckpoint> {
  const published = await readPublished(tileStoreOf(workspace))
  if (published !== null) return published
  throw new AmcError("ledger/not-published", "no checkpoint of this ledger is published yet", {
    hint: "amc ledger checkpoint",
  })
}

/**
 * The note of this very checkpoint that was kept last, since cosignatures come later than the first. One that a
 * ledger key of this workspace did not sign is passed over: somebody else put it there.
 */
export async function fullestNote(
  workspace: Workspace,
  { events }: SqliteLedger,
  published: PublishedCheckpoint,
): Promise<string> {
  const kept = (await events.checkpoints()).filter(({ size }) => size === published.size)
  const same = kept.filter(({ note }) => isOf(workspace, note, published.root))
  return same.at(-1)?.note ?? published.note
}

function isOf({ origin, keyring }: Workspace, note: string, root: Digest): boolean {
  try {
    const checkpoint = openSignedCheckpoint(note, origin, keyring.keys("ledger"))
    return equalBytes(checkpoint.root, root)
  } catch (error) {
    if (isFault(error)) return false
    throw error
  }
}
