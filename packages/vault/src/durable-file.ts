import {
  closeSync,
  constants,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs"
import { dirname } from "node:path"
import { AmcError, type ErrorCode } from "@amc/core"

const { O_CREAT, O_EXCL, O_WRONLY, O_NOFOLLOW, O_RDONLY } = constants

export interface NewFileTerms {
  readonly mode: number
  /** The code for a file that is there already. */
  readonly exists: ErrorCode
}

/**
 * Writes a new file in one durable step: after a crash it is there whole or not at all. Never overwrites.
 *
 * @throws {@link AmcError} the `exists` code, `workspace/unwritable`
 */
export function createFile(path: string, bytes: Uint8Array, { mode, exists }: NewFileTerms): void {
  putInPlace(path, bytes, mode, (temporary) => {
    try {
      linkSync(temporary, path)
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause
      throw new AmcError(exists, `${path} exists already`, { cause })
    }
    rmSync(temporary)
  })
}

/**
 * Replaces a private file in one durable step: after a crash it holds the old bytes or the new ones. The
 * caller holds the file's lock and has checked that the file is safe to replace.
 *
 * @throws {@link AmcError} `workspace/unwritable`
 */
export function replaceFile(path: string, bytes: Uint8Array): void {
  putInPlace(path, bytes, 0o600, (temporary) => renameSync(temporary, path))
}

function putInPlace(
  path: string,
  bytes: Uint8Array,
  mode: number,
  place: (temporary: string) => void,
): void {
  const temporary = `${path}.tmp`
  try {
    // One fixed name under the lock, so that what a crash leaves behind does not pile up.
    rmSync(temporary, { force: true })
    writeDurably(temporary, bytes, mode)
    place(temporary)
    syncFolder(dirname(path))
  } catch (cause) {
    rmSync(temporary, { force: true, recursive: true })
    if (cause instanceof AmcError) throw cause
    throw new AmcError("workspace/unwritable", `${path} can't be written`, { cause })
  }
}

function writeDurably(path: string, bytes: Uint8Array, mode: number): void {
  const file = openSync(path, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, mode)
  try {
    writeFileSync(file, bytes)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** Makes the names in a folder durable. */
export function syncFolder(path: string): void {
  const folder = openSync(path, O_RDONLY)
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
