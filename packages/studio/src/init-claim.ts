import { existsSync, readlinkSync, rmSync, symlinkSync, unlinkSync } from "node:fs"
import { join } from "node:path"
import { AmcError } from "@amc/core"
import type { StateHome } from "./state-home.ts"

/**
 * Claims the making of a workspace folder: a symbolic link beside it that names this process, since creating one
 * is a single step that fails if it exists. What a killed `init` left of a workspace that nobody knows
 * is taken away. Gives what releases the claim.
 *
 * @throws {@link AmcError} `workspace/exists`, `workspace/unwritable`
 */
export function claimInit(dir: string, state: StateHome): () => void {
  const claim = `${dir}.init`
  if (tryClaim(claim)) return () => rmSync(claim, { force: true })
  if (isAlive(holderOf(claim)))
    throw new AmcError("workspace/exists", `another 'amc init' is making ${dir}`, {
      hint: `if none runs, remove ${claim}`,
    })
  if (state.find(dir) === undefined && !existsSync(join(dir, "ledger")))
    rmSync(dir, { recursive: true, force: true })
  unlinkSync(claim)
  return claimInit(dir, state)
}

function tryClaim(claim: string): boolean {
  try {
    symlinkSync(String(process.pid), claim)
    return true
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === "EEXIST") return false
    // A folder that is not there yet is made with the workspace.
    throw new AmcError("workspace/unwritable", `${claim} can't be made`, { cause })
  }
}

function holderOf(claim: string): number {
  try {
    return Number(readlinkSync(claim))
  } catch {
    return 0
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
}
