import {
  AmcError,
  type CheckpointPin,
  count,
  fromBase64,
  hex32,
  label,
  openRootChain,
  text,
  toBase64,
  utf8,
} from "@amc/core"
import { z } from "zod"
import { FindingList } from "./finding-list.ts"
import { type KnownTrust, openCurrentTrust, type VersionedTrust } from "./known-trust.ts"
import type { TrustFile } from "./trust-file.ts"

const PINS = 1000

const schema = z.strictObject({
  schema: z.literal("amc.known-trust/v1"),
  workspace: label,
  roots: z.array(z.base64()).min(1).max(1024),
  revocations: z.base64(),
  pins: z
    .array(
      z.strictObject({
        size: count,
        root_sha256: hex32,
        seen_ms: count,
        own: z.literal(true).optional(),
      }),
    )
    .max(PINS)
    .readonly(),
})

/** What a verifier remembers of one owner's root. */
export interface RememberedTrust extends KnownTrust {
  readonly workspace: string
}

/** A root that somebody was given by a way that they trust, or its digest alone. */
export type GivenTrust = TrustFile | { readonly rootSha256: string }

/** The bytes in which a verifier keeps what it remembers. */
export function encodeMemory({ workspace, roots, revocations, pins }: RememberedTrust): Uint8Array {
  const memory: z.infer<typeof schema> = {
    schema: "amc.known-trust/v1",
    workspace,
    roots: roots.map(toBase64),
    revocations: toBase64(revocations),
    pins,
  }
  return utf8(`${JSON.stringify(memory)}\n`)
}

/** Reads what {@link encodeMemory} wrote. @throws {@link AmcError} `input/malformed` */
export function parseMemory(bytes: Uint8Array): RememberedTrust {
  try {
    const { roots, revocations, workspace, pins } = schema.parse(JSON.parse(text(bytes)))
    return {
      workspace,
      pins,
      roots: roots.map(fromBase64),
      revocations: fromBase64(revocations),
    }
  } catch (cause) {
    throw new AmcError("input/malformed", "this is not what was seen of a root", { cause })
  }
}

/**
 * The memory after trust was verified under a root, with the checkpoints that were accepted under it. What is not newer
 * than what was seen, or does not hold, is not remembered in its place; a checkpoint keeps the time at which it was first
 * seen.
 *
 * @throws {@link AmcError} `input/malformed` if there is nothing that holds, `root/unknown`, `root/broken-chain`
 */
export function memoryAfter(
  known: RememberedTrust | undefined,
  seen: VersionedTrust & Pick<KnownTrust, "pins">,
  rootSha256: string,
): RememberedTrust {
  const before = known?.pins ?? []
  const fresh = seen.pins.filter((pin) => !before.some((old) => isSamePin(old, pin)))
  const { roots, revocations } = newest(seen, known, rootSha256)
  const { workspace } = openRootChain(roots, rootSha256).pinned
  return { workspace, roots, revocations, pins: withinLimit([...before, ...fresh]) }
}

/** The newer of what was given now and what was seen before. @throws {@link AmcError} `input/malformed` */
export function mergedTrust(
  trust: GivenTrust,
  memory: KnownTrust | undefined,
): KnownTrust | undefined {
  if (!("roots" in trust)) return memory
  const findings = new FindingList()
  const current = openCurrentTrust(trust, { rootSha256: trust.rootSha256, known: memory }, findings)
  const [first] = findings.all()
  if (current === undefined)
    throw new AmcError("input/malformed", `the trust file does not hold: ${first?.detail}`)
  return { ...current.files, pins: memory?.pins ?? [] }
}

function newest(
  seen: VersionedTrust,
  known: RememberedTrust | undefined,
  rootSha256: string,
): VersionedTrust {
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

/** Never the first, the last, or that of the largest tree, which others are held against. */
function leastMissed(pins: readonly CheckpointPin[]): number {
  const largest = Math.max(...pins.map(({ size }) => size))
  let [least, at] = [Number.POSITIVE_INFINITY, 1]
  for (let each = 1; each < pins.length - 1; each++) {
    if (pins[each]?.size === largest) continue
    const gap = (pins[each + 1]?.seen_ms ?? 0) - (pins[each - 1]?.seen_ms ?? 0)
    if (gap < least) [least, at] = [gap, each]
  }
  return at
}

function isSamePin(a: CheckpointPin, b: CheckpointPin): boolean {
  return a.size === b.size && a.root_sha256 === b.root_sha256
}
