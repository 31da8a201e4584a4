import { AmcError } from "@amc/core"
import Database from "better-sqlite3"

/**
 * The fault behind an error of the driver or of the file system. What the medium can do (busy, full,
 * read-only, broken) is `store/unavailable`, a place that is taken is `store/conflict`. A database that does not know our
 * statements is not as this program made it: `store/damaged`. Anything else is a bug and stays as it is.
 */
export function storeFault(error: unknown): unknown {
  if (error instanceof Database.SqliteError) return sqliteFault(error)
  if (isSystemError(error))
    return new AmcError("store/unavailable", `the ledger's files: ${error.code}`, { cause: error })
  if (error instanceof TypeError && error.message === "The database connection is not open")
    return new AmcError("store/unavailable", "the ledger's database is closed", { cause: error })
  return error
}

/** Runs something on the medium with its errors turned into faults. */
export async function onMedium<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw storeFault(error)
  }
}

function sqliteFault(error: InstanceType<typeof Database.SqliteError>): unknown {
  if (error.code.startsWith("SQLITE_CONSTRAINT"))
    return new AmcError("store/conflict", "an event's place in the lane is taken", { cause: error })
  if (mediumCodes.some((code) => error.code.startsWith(code)))
    return new AmcError("store/unavailable", `the ledger's database: ${error.code}`, {
      cause: error,
      ...(error.code.startsWith("SQLITE_CANTOPEN") ? { hint: cantOpenHint } : {}),
    })
  if (misuseCodes.includes(error.code)) return error
  return new AmcError("store/damaged", "the ledger's database is not built as it was made", {
    cause: error,
    hint: "'amc verify' tells what is wrong with it",
  })
}

// Its readers share memory in a file beside it.
const cantOpenHint =
  "SQLite makes its -wal and -shm files beside it even to read; on a read-only medium, look at a copy"

const misuseCodes = ["SQLITE_MISUSE", "SQLITE_RANGE"]

const mediumCodes = [
  "SQLITE_BUSY",
  "SQLITE_LOCKED",
  "SQLITE_FULL",
  "SQLITE_IOERR",
  "SQLITE_READONLY",
  "SQLITE_CORRUPT",
  "SQLITE_CANTOPEN",
  "SQLITE_NOTADB",
  "SQLITE_NOMEM",
  "SQLITE_PROTOCOL",
  "SQLITE_PERM",
  "SQLITE_AUTH",
]

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "syscall" in error && "code" in error
}
