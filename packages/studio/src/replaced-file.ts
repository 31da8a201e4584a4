import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import { threadId } from "node:worker_threads"
import { AmcError } from "@amc/core"
import { syncFolder } from "@amc/vault"

/**
 * Replaces a file in one durable step: after a crash it holds the old bytes or the new ones, and after several
 * writers those of one of them. Its folder is made if need be, for the owner alone.
 *
 * @throws {@link AmcError} `workspace/unwritable`
 */
export function replaceFile(path: string, data: Uint8Array | string, mode = 0o600): void {
  const temporary = `${path}.${process.pid}-${threadId}.tmp`
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    // An earlier process of the same number may have left one.
    rmSync(temporary, { force: true })
    writeFileSync(temporary, data, { mode, flag: "wx", flush: true })
    moveFile(temporary, path)
  } catch (cause) {
    rmSync(temporary, { force: true })
    if (cause instanceof AmcError) throw cause
    throw new AmcError("workspace/unwritable", `${path} can't be written`, { cause })
  }
}

/**
 * Gives a file another name, durably and in place of what has that name.
 *
 * @throws {@link AmcError} `workspace/unwritable`
 */
export function moveFile(from: string, to: string): void {
  try {
    renameSync(from, to)
    // A power cut keeps the order of several steps.
    syncFolder(dirname(to))
  } catch (cause) {
    throw new AmcError("workspace/unwritable", `${to} can't be written`, { cause })
  }
}
