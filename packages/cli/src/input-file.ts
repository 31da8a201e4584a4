import { createReadStream } from "node:fs"
import { stat } from "node:fs/promises"
import { AmcError, isFault } from "@amc/core"
import type { Context } from "./command.ts"
import { printable } from "./printable.ts"

/** More than any format of AMC takes. */
const inputSizeMax = 512 << 20

/**
 * Reads a file that was named on the command line. A pipe may never be written to, and a device never end.
 *
 * @throws {@link AmcError} `input/unreadable`, `input/too-large`
 */
export async function readInput(path: string, sizeMax: number = inputSizeMax): Promise<Uint8Array> {
  const pieces: Buffer[] = []
  let size = 0
  try {
    await requireFile(path)
    for await (const piece of createReadStream(path) as AsyncIterable<Buffer>) {
      size += piece.length
      if (size > sizeMax) break
      pieces.push(piece)
    }
  } catch (cause) {
    if (isFault(cause)) throw cause
    throw new AmcError("input/unreadable", `${printable(path)} can't be read`, { cause })
  }
  if (size > sizeMax)
    throw new AmcError("input/too-large", `${printable(path)} has more than ${sizeMax} bytes`)
  const { buffer, byteOffset, byteLength } = Buffer.concat(pieces)
  return new Uint8Array(buffer, byteOffset, byteLength)
}

async function requireFile(path: string): Promise<void> {
  if ((await stat(path)).isFile()) return
  throw new AmcError("input/unreadable", `${printable(path)} is not a file`, {
    hint: "a folder, a pipe or a device is not read: write it to a file first",
  })
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
