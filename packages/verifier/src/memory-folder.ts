import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { AmcError } from "@amc/core"
import { encodeMemory, parseMemory, type RememberedTrust } from "@amc/verify"

/**
 * What was seen before under a root, by this program or by `amc`: both keep it in the same place.
 *
 * @throws {@link AmcError} `input/malformed`, `input/unreadable`
 */
export function recall(folder: string, rootSha256: string): RememberedTrust | undefined {
  try {
    return parseMemory(readFileSync(pathOf(folder, rootSha256)))
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined
    if (cause instanceof AmcError) throw cause
    throw new AmcError("input/unreadable", `${folder} can't be read`, { cause })
  }
}

/** Keeps it. @throws {@link AmcError} `workspace/unwritable` */
export function remember(folder: string, rootSha256: string, memory: RememberedTrust): void {
  const path = pathOf(folder, rootSha256)
  const temporary = `${path}.${process.pid}.tmp`
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    writeFileSync(temporary, encodeMemory(memory), { mode: 0o600, flush: true })
    renameSync(temporary, path)
  } catch (cause) {
    rmSync(temporary, { force: true })
    throw new AmcError("workspace/unwritable", `${path} can't be written`, { cause })
  }
}

function pathOf(folder: string, rootSha256: string): string {
  return join(folder, `${rootSha256}.json`)
}
