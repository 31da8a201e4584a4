import { type Observation, sha256Hex } from "@amc/core"
import type { BlobStore } from "./blob-store.ts"
import { type InlineBlob, inlineBlobMax } from "./event-store.ts"

/** Where an observation's payload is stored: beside its event, or already as a file. */
export interface KeptPayload {
  readonly sha256: string | null
  readonly inline: InlineBlob | null
}

/** Makes a large payload durable; a small one is left to the transaction of its event. */
export async function keepPayload(
  { payload }: Observation,
  blobs: BlobStore,
): Promise<KeptPayload> {
  const blob = payload?.blob ?? null
  if (blob === null) return { sha256: null, inline: null }
  if (!(blob instanceof Uint8Array)) return { sha256: await blobs.adopt(blob.path), inline: null }
  const sha256 = sha256Hex(blob)
  if (blob.length <= inlineBlobMax) return { sha256, inline: { sha256, bytes: blob } }
  await blobs.put(sha256, blob)
  return { sha256, inline: null }
}
