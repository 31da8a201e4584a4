import { readFileSync, statSync } from "node:fs"
import { AmcError, type ErrorCode, isFault } from "@amc/core"

/**
 * The bytes of a file of at most so many. To read a pipe would wait for its writer.
 *
 * @throws {@link AmcError} `input/too-large`; `unreadable` for what is no file or can't be read
 */
export function readBoundedFile(path: string, sizeMax: number, unreadable: ErrorCode): Uint8Array {
  try {
    const stats = statSync(path)
    if (!stats.isFile()) throw new AmcError(unreadable, `${path} is no file`)
    if (stats.size > sizeMax)
      throw new AmcError("input/too-large", `${path} is longer than ${sizeMax} bytes`)
    return new Uint8Array(readFileSync(path))
  } catch (cause) {
    if (isFault(cause)) throw cause
    throw new AmcError(unreadable, `${path} can't be read`, { cause })
  }
}
