import { constants } from "node:fs"
import { type FileHandle, open } from "node:fs/promises"
import { AmcError } from "@amc/core"

/** How a file is opened that somebody may have replaced: a link could lead elsewhere, and a pipe would never end. */
export const regularFlags: number = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

/** What was found where a regular file of some size has to be. */
export interface FoundFile {
  readonly size: number
  isFile(): boolean
}

/** @throws {@link AmcError} `store/damaged` */
export function requireRegular(found: FoundFile, name: string, sizeMax: number): void {
  if (!found.isFile() || found.size > sizeMax)
    throw new AmcError("store/damaged", `${name} is no regular file of at most ${sizeMax} bytes`)
}

/** Null for what is not there; what can be there and is no regular file becomes a fault. Anything else is thrown. */
export function notRegular(error: unknown, name: string): null {
  const { code } = error as NodeJS.ErrnoException
  if (code === "ENOENT" || code === "ENOTDIR") return null
  if (code === "ELOOP" || code === "ENXIO")
    throw new AmcError("store/damaged", `${name} is no regular file`, { cause: error })
  throw error
}

/**
 * The bytes of a file, or null where there is none. Another thread reads them, since they may be many.
 *
 * @throws {@link AmcError} `store/damaged` for what is no regular file of at most this size
 */
export async function readRegularLater(
  path: string,
  name: string,
  sizeMax: number,
): Promise<Uint8Array | null> {
  try {
    const file = await open(path, regularFlags)
    try {
      return await readWhole(file, name, sizeMax)
    } finally {
      await file.close()
    }
  } catch (error) {
    return notRegular(error, name)
  }
}

async function readWhole(file: FileHandle, name: string, sizeMax: number): Promise<Uint8Array> {
  requireRegular(await file.stat(), name, sizeMax)
  const bytes = await file.readFile()
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
}
