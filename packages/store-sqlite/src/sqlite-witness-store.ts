import { AmcError } from "@amc/core"
import {
  type Contradiction,
  contradictionsMax,
  type WitnessedCheckpoint,
  type WitnessStore,
} from "@amc/ledger"
import Database from "better-sqlite3"
import { checkPrivateFile, makePrivateFile } from "./ledger-database.ts"
import { onMedium, storeFault } from "./store-fault.ts"
import { witnessSchema, witnessSchemaVersion } from "./witness-schema.ts"

export interface WitnessStoreTerms {
  /** Makes the file; without it a missing file is a fault, since a witness that forgot would sign anything. */
  readonly isNew?: boolean
}

/**
 * A witness's memory in a SQLite file of its own. SQLite's locks and journal give what a swap promises, also
 * between processes: one writer at a time, and after a crash all of a step or nothing of it.
 *
 * @throws {@link AmcError} `store/unavailable`, `input/unsupported-version`, `workspace/exists` for a new one
 * that is there already
 */
export function openWitnessStore(
  path: string,
  { isNew = false }: WitnessStoreTerms = {},
): WitnessStore {
  try {
    if (isNew) makeNew(path)
    checkPrivateFile(path)
    return new SqliteWitnessStore(open(path, isNew))
  } catch (error) {
    throw storeFault(error)
  }
}

function makeNew(path: string): void {
  if (!makePrivateFile(path)) throw new AmcError("workspace/exists", `${path} is there already`)
}

function open(path: string, isNew: boolean): Database.Database {
  const db = new Database(path, { fileMustExist: true, timeout: 5000 })
  try {
    // The rollback journal: a witness writes rarely, and one file is simpler to look after than three.
    db.pragma("journal_mode = DELETE")
    // A cosignature may be given out only if its checkpoint survives a power cut, name and all.
    db.pragma("synchronous = EXTRA")
    if (isNew)
      db.transaction(() => {
        db.exec(witnessSchema)
        db.pragma(`user_version = ${witnessSchemaVersion}`)
      }).immediate()
    const version = db.pragma("user_version", { simple: true })
    if (version !== witnessSchemaVersion)
      throw new AmcError(
        "input/unsupported-version",
        `version ${String(version)} of a witness's memory is not known`,
      )
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

class SqliteWitnessStore implements WitnessStore {
  readonly #db: Database.Database

  constructor(db: Database.Database) {
    this.#db = db
  }

  latest(origin: string): Promise<WitnessedCheckpoint | null> {
    return onMedium(() => this.#latest(origin))
  }

  swap(expected: WitnessedCheckpoint | null, next: WitnessedCheckpoint): Promise<boolean> {
    // IMMEDIATE takes the write lock before the latest is read, so no writer can come in between.
    const commit = this.#db.transaction(() => {
      if (!isSame(this.#latest(next.origin), expected)) return false
      this.#db
        .prepare(
          "INSERT INTO latest (origin, size, note, time) VALUES (?, ?, ?, ?) ON CONFLICT (origin) DO UPDATE SET size = excluded.size, note = excluded.note, time = excluded.time",
        )
        .run(next.origin, next.size, next.note, next.time)
      return true
    })
    return onMedium(() => commit.immediate())
  }

  keep({ origin, kind, kept, sent, atMs }: Contradiction): Promise<void> {
    const commit = this.#db.transaction(() => {
      const count = this.#db
        .prepare("SELECT count(*) FROM contradictions WHERE origin = ? AND kind = ?")
        .pluck()
        .get(origin, kind) as number
      if (count >= contradictionsMax && kind === "fork") return
      this.#db
        .prepare(
          "INSERT OR IGNORE INTO contradictions (origin, kind, kept, sent, at_ms) VALUES (?, ?, ?, ?, ?)",
        )
        .run(origin, kind, kept, sent, atMs)
      this.#db
        .prepare(
          "DELETE FROM contradictions WHERE origin = ? AND kind = ? AND id NOT IN (SELECT id FROM contradictions WHERE origin = ? AND kind = ? ORDER BY id DESC LIMIT ?)",
        )
        .run(origin, kind, origin, kind, contradictionsMax)
    })
    return onMedium(() => commit.immediate())
  }

  contradictions(origin: string): Promise<readonly Contradiction[]> {
    return onMedium(
      () =>
        this.#db
          .prepare(
            "SELECT origin, kind, kept, sent, at_ms AS atMs FROM contradictions WHERE origin = ? ORDER BY id",
          )
          .all(origin) as Contradiction[],
    )
  }

  async close(): Promise<void> {
    this.#db.close()
  }

  #latest(origin: string): WitnessedCheckpoint | null {
    const row = this.#db
      .prepare("SELECT origin, size, note, time FROM latest WHERE origin = ?")
      .get(origin) as WitnessedCheckpoint | undefined
    return row ?? null
  }
}

function isSame(a: WitnessedCheckpoint | null, b: WitnessedCheckpoint | null): boolean {
  return a?.size === b?.size && a?.note === b?.note && a?.time === b?.time
}
