import { join } from "node:path"
import { isFault, sha256Hex } from "@amc/core"
import { readRegularFile } from "./regular-file.ts"

const copySizeMax = 1 << 20

/** Where a copy of what was signed lies, for showing later what changed. Nothing trusts it but by its digest. */
export function signedCopyPath(dir: string, sha256: string): string {
  return join(dir, "signed", sha256)
}

/** The bytes of this digest that were signed once, or null where no copy is left that is them. */
export function readSignedCopy(dir: string, sha256: string): Uint8Array | null {
  try {
    const bytes = readRegularFile(signedCopyPath(dir, sha256), `signed/${sha256}`, copySizeMax)
    return bytes !== null && sha256Hex(bytes) === sha256 ? bytes : null
  } catch (error) {
    if (isFault(error, "store/damaged", "input/unreadable")) return null
    throw error
  }
}
