import { createReadStream } from "node:fs"
import { AmcError, isFault } from "@amc/core"
import type { Context } from "./command.ts"
import { printable } from "./printable.ts"

/** More than any format of AMC takes. A name may stand for a device that never ends. */
const inputSizeMax = 512 << 20

/**
 * Reads a file that was named on the command line, a pipe too.
 *
 * @throws {@link AmcError} `input/unreadable`, `input/too-large`
 */
export async function readInput(path: string, sizeMax: number = inputSizeMax): Promise<Uint8Array> {
  const pieces: Buffer[] = []
  let size = 0
  try {
    for await (const piece of createReadStream(path) as AsyncIterable<Buffer>) {
      size += piece.length
      if (size > sizeMax) break
      pieces.push(piece)
    }
  } catch (cause) {
    throw new AmcError("input/unreadable", `${printable(path)} can't be read`, { cause })
  }
  if (size > sizeMax)
    throw new AmcError("input/too-large", `${printable(path)} has more than ${sizeMax} bytes`)
  const { buffer, byteOffset, byteLength } = Buffer.concat(pieces)
  return new Uint8Array(buffer, byteOffset, byteLength)
}

/** A file that need not be there, or null. @throws {@link AmcError} `input/unreadable` if it is and can't be read */
export async function optionalFile(
  { readFile: read }: Pick<Context, "readFile">,
  path: string,
): Promise<Uint8Array | null> {
  try {
    return await read(path)
  } catch (error) {
    const cause = isFault(error, "input/unreadable") ? error.cause : undefined
    if ((cause as NodeJS.ErrnoException | undefined)?.code === "ENOENT") return null
    throw error
  }
}
