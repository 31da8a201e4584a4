import { accessSync, constants, existsSync } from "node:fs"
import { dirname } from "node:path"
import { AmcError } from "@amc/core"
import { printable } from "./printable.ts"

/**
 * Refuses a file that can't be made, before work is done of which it is the result.
 *
 * @throws {@link AmcError} `usage/invalid`
 */
export function requireNewFile(path: string, option: string): void {
  const hint = `choose another ${option}`
  if (existsSync(path))
    throw new AmcError("usage/invalid", `${printable(path)} exists already`, { hint })
  try {
    accessSync(dirname(path), constants.W_OK | constants.X_OK)
  } catch (cause) {
    throw new AmcError("usage/invalid", `${printable(path)} can't be written`, { cause, hint })
  }
}
