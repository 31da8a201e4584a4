import { readFile } from "node:fs/promises"
import { AmcError } from "@amc/core"
import { printable } from "./printable.ts"

/** Reads a file that was named on the command line. @throws {@link AmcError} `input/unreadable` */
export async function readInput(path: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(path))
  } catch (cause) {
    throw new AmcError("input/unreadable", `${printable(path)} can't be read`, { cause })
  }
}
