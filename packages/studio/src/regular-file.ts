import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs"
import { AmcError } from "@amc/core"

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants

/**
 * The bytes of a file that somebody may have replaced, or null where there is none. A link is not followed, and a
 * pipe is not waited for.
 *
 * @throws {@link AmcError} `store/damaged` for what is no regular file of at most this size; `input/unreadable`
 */
export function readRegularFile(path: string, name: string, sizeMax: number): Uint8Array | null {
  try {
    const file = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    try {
      const stats = fstatSync(file)
      if (!stats.isFile() || stats.size > sizeMax) throw irregular(name, sizeMax)
      return new Uint8Array(readFileSync(file))
    } finally {
      closeSync(file)
    }
  } catch (cause) {
    if (cause instanceof AmcError) throw cause
    const { code } = cause as NodeJS.ErrnoException
    if (code === "ENOENT" || code === "ENOTDIR") return null
    if (code === "ELOOP" || code === "ENXIO") throw irregular(name, sizeMax, cause)
    throw new AmcError("input/unreadable", `${name} can't be read`, { cause })
  }
}

function irregular(name: string, sizeMax: number, cause?: unknown): AmcError {
  const message = `${name} is no regular file of at most ${sizeMax} bytes`
  return new AmcError("store/damaged", message, { cause })
}
