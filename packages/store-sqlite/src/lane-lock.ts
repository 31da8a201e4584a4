import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { AmcError, isFault, malformed } from "@amc/core"
import Database from "better-sqlite3"
import { makePrivateFile } from "./ledger-database.ts"
import { onMedium } from "./store-fault.ts"

/** A lane that this process alone writes. */
export interface LaneLock {
  release(): void
}

/** A connection that nobody refers to is closed when memory is collected, and its lock given back. */
const held = new Set<Database.Database>()

/**
 * Takes a lane for this process: a transaction on a lock file that stays open. The kernel gives it
 * back when the process ends, however it ends.
 *
 * @throws {@link AmcError} `ledger/lane-taken`, `store/unavailable`
 */
export async function lockLane(dir: string, lane: string): Promise<LaneLock> {
  if (!/^[a-z0-9][a-z0-9._-]{0,63}$/u.test(lane))
    throw malformed("a lane's name is not safe in a file name")
  try {
    return await onMedium(() => holdLock(dir, lane))
  } catch (error) {
    if (!isFault(error, "store/unavailable") || !isBusy(error.cause)) throw error
    const hint = "end the other process that records in this workspace"
    throw new AmcError("ledger/lane-taken", `lane ${lane} is written by another process`, { hint })
  }
}

function holdLock(dir: string, lane: string): LaneLock {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const path = join(dir, `${lane}.lock`)
  makePrivateFile(path)
  const db = new Database(path, { timeout: 0 })
  try {
    db.exec("BEGIN EXCLUSIVE")
    held.add(db)
    return {
      release: () => {
        held.delete(db)
        db.close()
      },
    }
  } catch (error) {
    db.close()
    throw error
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith("SQLITE_BUSY")
}
