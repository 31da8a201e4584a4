import { readFile } from "node:fs/promises"
import { AmcError, isFault } from "@amc/core"
import type { Context } from "./command.ts"
import { printable } from "./printable.ts"

/** Reads a file that was named on the command line. @throws {@link AmcError} `input/unreadable` */
export async function readInput(path: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(path))
  } catch (cause) {
    throw new AmcError("input/unreadable", `${printable(path)} can't be read`, { cause })
  }
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
