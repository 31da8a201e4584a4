import { mkdirSync } from "node:fs"
import { join } from "node:path"
import type { BlobStore, EventStore } from "@amc/ledger"
import { FileBlobStore } from "./file-blob-store.ts"
import { indexFlaws } from "./index-check.ts"
import { openDatabase, type OpenTerms } from "./ledger-database.ts"
import { SqliteBlobStore } from "./sqlite-blob-store.ts"
import { SqliteEventStore } from "./sqlite-event-store.ts"
import { onMedium, storeFault } from "./store-fault.ts"

/** A ledger on this machine's disk. */
export interface SqliteLedger {
  readonly events: EventStore
  readonly blobs: BlobStore
  /**
   * What is wrong with the database's indexes. Reads all of it at once: nothing else happens meanwhile.
   *
   * @throws {@link AmcError} `store/unavailable`, `store/damaged`
   */
  indexFlaws(): Promise<readonly string[]>
  close(): Promise<void>
}

/** The database's file in a ledger's folder. */
export const ledgerFileName = "ledger.sqlite"
/** The folder of larger payloads in a ledger's folder. */
export const blobFolderName = "blobs"

/**
 * Opens the ledger in a folder, and makes it if there is none unless it is opened to read only. Who
 * writes holds the lane's lock ({@link lockLane}) as well.
 *
 * @throws {@link AmcError} `store/unavailable`, `input/unsupported-version`
 */
export function openLedger(dir: string, terms: OpenTerms = {}): SqliteLedger {
  try {
    return open(dir, terms)
  } catch (error) {
    throw storeFault(error)
  }
}

function open(dir: string, terms: OpenTerms): SqliteLedger {
  if (terms.readOnly !== true) mkdirSync(dir, { recursive: true, mode: 0o700 })
  const db = openDatabase(join(dir, ledgerFileName), terms)
  const events = new SqliteEventStore(db)
  const blobs = new SqliteBlobStore(db, new FileBlobStore(join(dir, blobFolderName)))
  return {
    events,
    blobs,
    indexFlaws: () => onMedium(() => indexFlaws(db)),
    close: () => events.close(),
  }
}
