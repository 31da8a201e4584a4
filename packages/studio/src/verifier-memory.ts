import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { AmcError, type CheckpointPin, count, fromBase64, hex32, label, toBase64 } from "@amc/core"
import type { KnownTrust, VersionedTrust } from "@amc/verify"
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
 * @throws {@link AmcError} `input/malformed`
 */
export function recallTrust(state: StateHome, rootSha256: string): RememberedTrust | undefined {
  const path = memoryPath(state, rootSha256)
  if (!existsSync(path)) return undefined
  try {
    const { roots, revocations, ...rest } = schema.parse(JSON.parse(readFileSync(path, "utf8")))
    return { ...rest, roots: roots.map(fromBase64), revocations: fromBase64(revocations) }
  } catch (cause) {
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
    .filter((root) => recallTrust(state, root)?.workspace === workspace)
}

/** What is to be remembered under a root; a checkpoint keeps the time at which it was first seen. */
export interface SeenTrust extends VersionedTrust {
  readonly workspace: string
  readonly rootSha256: string
  readonly pins: readonly CheckpointPin[]
}

/** Remembers what was verified under a root. @throws {@link AmcError} `workspace/unwritable` */
export function rememberTrust(state: StateHome, seen: SeenTrust): void {
  const before = recallTrust(state, seen.rootSha256)?.pins ?? []
  const fresh = seen.pins.filter((pin) => !before.some((old) => isSamePin(old, pin)))
  const memory: z.infer<typeof schema> = {
    schema: "amc.known-trust/v1",
    workspace: seen.workspace,
    roots: seen.roots.map(toBase64),
    revocations: toBase64(seen.revocations),
    pins: withinLimit([...before, ...fresh]),
  }
  const path = memoryPath(state, seen.rootSha256)
  try {
    makePrivateFolder(join(state.dir, "trust"))
    writeFileSync(`${path}.tmp`, `${JSON.stringify(memory)}\n`, { mode: 0o600, flush: true })
    renameSync(`${path}.tmp`, path)
  } catch (cause) {
    throw new AmcError("workspace/unwritable", `${path} can't be written`, { cause })
  }
}

/** Old pins thin out evenly: each vouches for all that is before it, so that a gap costs little. */
function withinLimit(pins: readonly CheckpointPin[]): readonly CheckpointPin[] {
  return pins.length <= PINS ? pins : pins.filter((_, at) => at % 2 === 1 || at >= PINS / 2)
}

function isSamePin(a: CheckpointPin, b: CheckpointPin): boolean {
  return a.size === b.size && a.root_sha256 === b.root_sha256
}

function memoryPath(state: StateHome, rootSha256: string): string {
  return join(state.dir, "trust", `${rootSha256}.json`)
}
