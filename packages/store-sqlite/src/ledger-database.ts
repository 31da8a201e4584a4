import { closeSync, fsyncSync, lstatSync, openSync } from "node:fs"
import { dirname } from "node:path"
import { AmcError } from "@amc/core"
import Database from "better-sqlite3"
import { schema, schemaVersion } from "./schema.ts"

export interface OpenTerms {
  readonly readOnly?: boolean
}

/** Opens a ledger's database and makes it if there is none. Faults are the driver's own errors. */
export function openDatabase(path: string, { readOnly = false }: OpenTerms): Database.Database {
  if (!readOnly) makePrivateFile(path)
  checkPrivateFile(path)
  const db = new Database(path, { readonly: readOnly, fileMustExist: true, timeout: 2000 })
  try {
    if (!readOnly) {
      prepare(db)
      // SQLite does so too when it first flushes its log, and says nothing if that fails.
      syncFolder(dirname(path))
    }
    checkVersion(db)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

/**
 * Makes an empty file that only its owner may read, if there is none, and says whether it did. One that is there is not even
 * opened: to close a second descriptor of an open database would drop SQLite's locks on it (POSIX).
 */
export function makePrivateFile(path: string): boolean {
  try {
    closeSync(openSync(path, "wx", 0o600))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false
    throw error
  }
  syncFolder(dirname(path))
  return true
}

function syncFolder(path: string): void {
  const folder = openSync(path, "r")
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

/** Refuses a database that others may read or write. @throws {@link AmcError} `store/unavailable` */
export function checkPrivateFile(path: string): void {
  const stat = lstatSync(path)
  if (stat.isFile() && (stat.mode & 0o077) === 0) return
  throw new AmcError("store/unavailable", "the database is not a file of its owner alone", {
    hint: `chmod 600 ${path}`,
  })
}

function prepare(db: Database.Database): void {
  db.pragma("journal_mode = WAL")
  // An acknowledged event must survive power loss; in WAL mode the driver's default is NORMAL, which
  // may lose the last commits.
  db.pragma("synchronous = FULL")
  // A page that is taken apart or a row that is deleted leaves zeros: a payload must not outlive its deletion.
  db.pragma("secure_delete = ON")
  // Pages that every group touches are copied to the database once per 32 MB instead of once per 4 MB.
  db.pragma("wal_autocheckpoint = 8000")
  // IMMEDIATE, so that of two processes that open a new ledger at once one makes it and one finds it.
  db.transaction(() => {
    if (versionOf(db) !== 0) return
    db.exec(schema)
    db.pragma(`user_version = ${schemaVersion}`)
  }).immediate()
}

function checkVersion(db: Database.Database): void {
  const version = versionOf(db)
  if (version !== schemaVersion)
    throw new AmcError("input/unsupported-version", `ledger version ${version} is not known`)
}

function versionOf(db: Database.Database): number {
  return db.pragma("user_version", { simple: true }) as number
}
