import { AmcError, equalBytes, parseCheckpoint, parseNote } from "@amc/core"
import { type PublishedCheckpoint, readPublished } from "@amc/ledger"
import type { SqliteLedger } from "@amc/store-sqlite"
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

/** The note of this very checkpoint that was kept last: cosignatures come later than the first. */
export async function fullestNote(
  { events }: SqliteLedger,
  { size, root, note }: PublishedCheckpoint,
): Promise<string> {
  const kept = (await events.checkpoints()).filter((one) => one.size === size)
  const same = kept.filter((one) =>
    equalBytes(parseCheckpoint(parseNote(one.note).text).root, root),
  )
  return same.at(-1)?.note ?? note
}
