import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { sha256Hex } from "@amc/core"

/** Where a copy of what was signed lies, for showing later what changed. Nothing trusts it but by its digest. */
export function signedCopyPath(dir: string, sha256: string): string {
  return join(dir, "signed", sha256)
}

/** The bytes of this digest that were signed once, or null where no copy is left that is them. */
export function readSignedCopy(dir: string, sha256: string): Uint8Array | null {
  const path = signedCopyPath(dir, sha256)
  if (!existsSync(path)) return null
  const bytes = new Uint8Array(readFileSync(path))
  return sha256Hex(bytes) === sha256 ? bytes : null
}
