import { existsSync, rmSync } from "node:fs"
import { join } from "node:path"
import { isFault, openSignedFile, type PublicKey } from "@amc/core"
import { type ConfigPlace, readConfigBytes } from "./config-place.ts"
import { moveFile, replaceFile } from "./replaced-file.ts"

/**
 * The steps in which a signed file takes the place of an older one. After each of them the file that is
 * there has a signature that fits, `.sig` or `.sig.next`, so that a crash in between looks like no forgery.
 *
 * @throws {@link AmcError} `workspace/unwritable` from each step
 */
export function writeSteps(
  dir: string,
  path: string,
  bytes: Uint8Array,
  signature: Uint8Array,
): readonly (() => void)[] {
  const file = join(dir, path)
  const [last, next] = signaturesOf(file)
  return [
    () => replaceFile(next, signature),
    () => replaceFile(file, bytes),
    () => moveFile(next, last),
  ]
}

/** Whether a crash left the next signature of a file beside it. */
export function hasNextSignature(place: ConfigPlace, path: string): boolean {
  return exists(place, signaturesOf(path)[1])
}

/** Finishes what a crash left of {@link writeSteps}. Only the lane's writer may do that. */
export function completeWrite(place: ConfigPlace, path: string): void {
  const [last, next] = signaturesOf(path)
  if (!exists(place, next)) return
  const bytes = exists(place, path) ? readConfigBytes(place, path) : null
  const isWritten = bytes !== null && !fits(place, bytes, last) && fits(place, bytes, next)
  if (isWritten) moveFile(join(place.dir, next), join(place.dir, last))
  else rmSync(join(place.dir, next), { force: true })
}

/**
 * The signature that goes with a config file's bytes, or null if there is none. Whether it is worth
 * anything is another question; it is `.sig.next` only where that one fits and `.sig` does not.
 */
export function readSignature(
  place: ConfigPlace,
  path: string,
  bytes: Uint8Array,
): Uint8Array | null {
  const [last, next] = signaturesOf(path)
  if (!fits(place, bytes, last) && fits(place, bytes, next)) return readConfigBytes(place, next)
  return exists(place, last) ? readConfigBytes(place, last) : null
}

/** Of the version that is there, and of the one that is being written. */
function signaturesOf(path: string): readonly [last: string, next: string] {
  return [`${path}.sig`, `${path}.sig.next`]
}

function exists({ dir }: ConfigPlace, path: string): boolean {
  return existsSync(join(dir, path))
}

function fits(place: ConfigPlace, bytes: Uint8Array, path: string): boolean {
  if (!exists(place, path)) return false
  try {
    return isSignedBy(bytes, readConfigBytes(place, path), place.keyring.keys("auditor"))
  } catch (error) {
    if (isFault(error)) return false
    throw error
  }
}

/** Whether a signature of these bytes is of one of the keys. */
export function isSignedBy(
  bytes: Uint8Array,
  signature: Uint8Array,
  keys: ReadonlyMap<string, PublicKey>,
): boolean {
  try {
    openSignedFile(bytes, signature, keys)
    return true
  } catch (error) {
    if (isFault(error)) return false
    throw error
  }
}
