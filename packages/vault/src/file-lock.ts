import { readlinkSync, symlinkSync, unlinkSync } from "node:fs"
import { AmcError } from "@amc/core"

/**
 * Runs a short synchronous step while no other process runs one on the same file. The lock is a symbolic
 * link that names the holder's pid, since creating one is a single step that fails if it exists; a lock
 * whose holder is dead is taken over.
 *
 * It keeps polite writers apart; the step must still compare what it replaces with what it has read.
 *
 * @throws {@link AmcError} `store/conflict` if another process is at it
 */
export function withFileLock<T>(path: string, step: () => T): T {
  const lock = `${path}.lock`
  if (!tryLock(lock) && !(isStale(lock) && tryLock(lock))) throw busy(lock)
  try {
    return step()
  } finally {
    unlinkSync(lock)
  }
}

function tryLock(lock: string): boolean {
  try {
    symlinkSync(String(process.pid), lock)
    return true
  } catch (error) {
    if (errno(error) === "EEXIST") return false
    throw new AmcError("workspace/unwritable", `${lock} can't be created`, { cause: error })
  }
}

function isStale(lock: string): boolean {
  try {
    if (isAnotherProcess(Number(readlinkSync(lock)))) return false
    unlinkSync(lock)
    return true
  } catch (error) {
    // Its holder may have let go in between.
    if (errno(error) === "ENOENT") return true
    throw new AmcError("vault/unsafe-file", `${lock} is not a lock`, { cause: error })
  }
}

/** Our own pid is no holder: the step is synchronous, so that lock is from before a restart with equal pids. */
function isAnotherProcess(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0 || pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return errno(error) === "EPERM"
  }
}

function busy(lock: string): AmcError {
  const hint = `try again; if no process is changing the vault, remove ${lock}`
  return new AmcError("store/conflict", "another process is changing this file", { hint })
}

function errno(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code
}
