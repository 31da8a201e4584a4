import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { AmcError, type CheckpointPin, isFault } from "@amc/core"
import {
  encodeMemory,
  type KnownTrust,
  memoryAfter,
  parseMemory,
  type RememberedTrust,
  type VersionedTrust,
} from "@amc/verify"
import { replaceFile } from "./replaced-file.ts"
import { makePrivateFolder, type StateHome } from "./state-home.ts"

/**
 * What this machine saw of the trust under a root: its newest version, the newest revocation list, and when
 * it first saw which checkpoint. Undefined if nothing was seen.
 *
 * @throws {@link AmcError} `input/malformed`, `input/unreadable`
 */
export function recallTrust(state: StateHome, rootSha256: string): RememberedTrust | undefined {
  const path = memoryPath(state, rootSha256)
  if (!existsSync(path)) return undefined
  try {
    return parseMemory(readFileSync(path))
  } catch (cause) {
    if (!isFault(cause)) throw new AmcError("input/unreadable", `${path} can't be read`, { cause })
    throw new AmcError("input/malformed", `${path} can't be read as what was seen of a root`, {
      cause,
      hint: "remove it to forget what this machine saw; older keys then count again",
    })
  }
}

/** The roots under which this machine accepted something of a workspace of this name. */
export function rememberedRootsOf(state: StateHome, workspace: string): readonly string[] {
  const folder = join(state.dir, "trust")
  const names = existsSync(folder) ? readdirSync(folder).sort() : []
  return names
    .flatMap((name) => /^([0-9a-f]{64})\.json$/u.exec(name)?.[1] ?? [])
    .filter((root) => workspaceOf(state, root) === workspace)
}

/** A file that can't be read says nothing of the others. */
function workspaceOf(state: StateHome, rootSha256: string): string | undefined {
  try {
    return recallTrust(state, rootSha256)?.workspace
  } catch (error) {
    if (isFault(error, "input/malformed")) return undefined
    throw error
  }
}

/** What is to be remembered under a root; a checkpoint keeps the time at which it was first seen. */
export interface SeenTrust extends VersionedTrust, Pick<KnownTrust, "pins"> {
  readonly rootSha256: string
}

/** Remembers what was verified under a root. @throws {@link AmcError} `workspace/unwritable` */
export function rememberTrust(state: StateHome, { rootSha256, ...seen }: SeenTrust): void {
  const memory = memoryAfter(recallTrust(state, rootSha256), seen, rootSha256)
  makePrivateFolder(join(state.dir, "trust"))
  replaceFile(memoryPath(state, rootSha256), encodeMemory(memory))
}

/**
 * Remembers trust that was verified under a root, with the checkpoints that were accepted under it. Not being able
 * to is told, and no reason to withhold the verdict.
 */
export function rememberVerified(
  { roots, revocations }: VersionedTrust,
  pins: readonly CheckpointPin[],
  rootSha256: string,
  { state, warn }: { readonly state: StateHome; readonly warn: (text: string) => void },
): void {
  try {
    rememberTrust(state, { rootSha256, roots, revocations, pins })
  } catch (error) {
    if (!isFault(error, "workspace/unwritable")) throw error
    warn(`what was verified can't be remembered: ${error.message}`)
  }
}

function memoryPath(state: StateHome, rootSha256: string): string {
  return join(state.dir, "trust", `${rootSha256}.json`)
}
