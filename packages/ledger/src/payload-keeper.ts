import { type Observation, sha256Hex } from "@amc/core"
import type { BlobStore } from "./blob-store.ts"
import { type InlineBlob, inlineBlobMax } from "./event-store.ts"

/** Where an observation's payload is stored: beside its event, or already as a file. */
export interface KeptPayload {
  readonly sha256: string | null
  readonly inline: InlineBlob | null
}

const nothingKept: KeptPayload = { sha256: null, inline: null }

/** Makes a large payload durable; a small one is left to the transaction of its event, and here at once. */
export function keepPayload(
  { payload }: Observation,
  blobs: BlobStore,
): KeptPayload | Promise<KeptPayload> {
  const blob = payload?.blob ?? null
  if (blob === null) return nothingKept
  if (!(blob instanceof Uint8Array)) return inFile(blobs.adopt(blob.path))
  const sha256 = payload?.isAsDelivered === true ? payload.sha256 : sha256Hex(blob)
  if (blob.length <= inlineBlobMax) return { sha256, inline: { sha256, bytes: blob } }
  return inFile(blobs.put(sha256, blob).then(() => sha256))
}

async function inFile(stored: Promise<string>): Promise<KeptPayload> {
  return { sha256: await stored, inline: null }
}
