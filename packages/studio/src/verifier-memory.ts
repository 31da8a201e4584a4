import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { threadId } from "node:worker_threads"
import {
  AmcError,
  type CheckpointPin,
  count,
  fromBase64,
  hex32,
  isFault,
  label,
  openRootChain,
  toBase64,
} from "@amc/core"
import { FindingList, type KnownTrust, openCurrentTrust, type VersionedTrust } from "@amc/verify"
import { z } from "zod"
import { makePrivateFolder, type StateHome } from "./state-home.ts"

const PINS = 1000

const schema = z.strictObject({
  schema: z.literal("amc.known-trust/v1"),
  workspace: label,
  roots: z.array(z.base64()).min(1).max(1024),
  revocations: z.base64(),
  pins: z
    .array(z.strictObject({ size: count, root_sha256: hex32, seen_ms: count }))
    .max(PINS)
    .readonly(),
})

/** What this machine remembers of one owner's root. */
export interface RememberedTrust extends KnownTrust {
  readonly workspace: string
}

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
    const { roots, revocations, ...rest } = schema.parse(JSON.parse(readFileSync(path, "utf8")))
    return { ...rest, roots: roots.map(fromBase64), revocations: fromBase64(revocations) }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).syscall !== undefined)
      throw new AmcError("input/unreadable", `${path} can't be read`, { cause })
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
export interface SeenTrust extends VersionedTrust {
  readonly workspace: string
  readonly rootSha256: string
  readonly pins: readonly CheckpointPin[]
}

/** Remembers what was verified under a root. @throws {@link AmcError} `workspace/unwritable` */
export function rememberTrust(state: StateHome, seen: SeenTrust): void {
  const known = recallTrust(state, seen.rootSha256)
  const before = known?.pins ?? []
  const fresh = seen.pins.filter((pin) => !before.some((old) => isSamePin(old, pin)))
  const { roots, revocations } = newest(seen, known)
  const memory: z.infer<typeof schema> = {
    schema: "amc.known-trust/v1",
    workspace: seen.workspace,
    roots: roots.map(toBase64),
    revocations: toBase64(revocations),
    pins: withinLimit([...before, ...fresh]),
  }
  const path = memoryPath(state, seen.rootSha256)
  // Several verifiers may be at it at once.
  const temporary = `${path}.${process.pid}-${threadId}.tmp`
  try {
    makePrivateFolder(join(state.dir, "trust"))
    writeFileSync(temporary, `${JSON.stringify(memory)}\n`, { mode: 0o600, flush: true })
    renameSync(temporary, path)
  } catch (cause) {
    rmSync(temporary, { force: true })
    throw new AmcError("workspace/unwritable", `${path} can't be written`, { cause })
  }
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
    const { workspace } = openRootChain(roots, rootSha256).pinned
    rememberTrust(state, { workspace, rootSha256, roots, revocations, pins })
  } catch (error) {
    if (!isFault(error, "workspace/unwritable")) throw error
    warn(`what was verified can't be remembered: ${error.message}`)
  }
}

/** What is not newer than what was seen, or does not hold, is not remembered in its place. */
function newest(seen: SeenTrust, known: RememberedTrust | undefined): VersionedTrust {
  const { rootSha256 } = seen
  const current = openCurrentTrust(seen, { rootSha256, known }, new FindingList())
  if (current !== undefined) return current.files
  if (known !== undefined) return known
  throw new AmcError("input/malformed", "the trust that is to be remembered does not hold")
}

/**
 * Pins thin out evenly over the time that they are of: each vouches for all that is before it, so that the one
 * between the two that are closest in time costs least.
 */
function withinLimit(pins: readonly CheckpointPin[]): readonly CheckpointPin[] {
  const kept = [...pins]
  while (kept.length > PINS) kept.splice(leastMissed(kept), 1)
  return kept
}

/** Never the first or the last. */
function leastMissed(pins: readonly CheckpointPin[]): number {
  let [least, at] = [Number.POSITIVE_INFINITY, 1]
  for (let each = 1; each < pins.length - 1; each++) {
    const gap = (pins[each + 1]?.seen_ms ?? 0) - (pins[each - 1]?.seen_ms ?? 0)
    if (gap < least) [least, at] = [gap, each]
  }
  return at
}

function isSamePin(a: CheckpointPin, b: CheckpointPin): boolean {
  return a.size === b.size && a.root_sha256 === b.root_sha256
}

function memoryPath(state: StateHome, rootSha256: string): string {
  return join(state.dir, "trust", `${rootSha256}.json`)
}
