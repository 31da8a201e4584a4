import { z } from "zod"
import { fromBase64, toBase64 } from "./base64.ts"
import { canonicalize, parseCanonical } from "./canonical.ts"
import { digestText, sha256 } from "./digest.ts"
import {
  encodeEnvelope,
  type Envelope,
  parseEnvelope,
  signEnvelope,
  verifyEnvelope,
} from "./dsse.ts"
import { publicKeyFromRaw } from "./ed25519.ts"
import type { PublicKey, Signer } from "./public-key.ts"
import { malformed } from "./errors.ts"
import { count, hex32, label } from "./fact-field.ts"

export const rootPayloadType = "application/vnd.amc.root.v1+json"

const schema = z.strictObject({
  v: z.literal(1),
  workspace: label,
  version: z.int().min(1),
  threshold: z.int().min(1).max(16),
  keys: z
    .array(z.strictObject({ kid: hex32, pub: z.string().length(44) }))
    .min(1)
    .max(16),
  created_ms: count,
})

/** The owner's root of trust, versioned as in TUF. Version 1 is pinned by its digest, out of band. */
export interface Root {
  readonly workspace: string
  readonly version: number
  readonly threshold: number
  readonly keys: readonly PublicKey[]
  readonly createdMs: number
  /** SHA-256 of the signed body: what everyone pins for version 1. */
  readonly sha256: Uint8Array
}

export interface RootTerms {
  readonly workspace: string
  readonly version: number
  readonly threshold: number
  readonly createdMs: number
}

/** Makes a root from its owners' signers and returns the envelope's bytes, which are `root.json`. */
export function issueRoot(
  { workspace, version, threshold, createdMs }: RootTerms,
  owners: readonly Signer[],
): Uint8Array {
  const keys = owners
    .map(({ key }) => ({ kid: key.kid, pub: toBase64(key.raw) }))
    .sort((a, b) => (a.kid < b.kid ? -1 : 1))
  const body = canonicalize(
    schema.parse({ v: 1, workspace, version, threshold, keys, created_ms: createdMs }),
  )
  return encodeEnvelope(signEnvelope(rootPayloadType, body, owners))
}

/**
 * Reads `root.json` and checks that its own threshold signed it.
 *
 * Anybody can make such a file: compare {@link Root.sha256} with the pinned digest before you trust it.
 *
 * @throws {@link AmcError} `input/malformed`, `key/refused`
 */
export function parseRoot(bytes: Uint8Array): Root {
  const envelope = parseEnvelope(bytes)
  if (envelope.payloadType !== rootPayloadType) throw malformed("not a root: wrong payload type")
  const parsed = schema.safeParse(parseCanonical(envelope.payload))
  if (!parsed.success) throw malformed("root breaks its schema")
  const { workspace, version, threshold, keys, created_ms: createdMs } = parsed.data
  const root = {
    workspace,
    version,
    threshold,
    createdMs,
    keys: keys.map(readKey),
    sha256: sha256(envelope.payload),
  }
  if (new Set(root.keys.map((key) => key.kid)).size < threshold)
    throw malformed("root has fewer keys than its threshold")
  if (!isSignedByThreshold(envelope, rootPayloadType, root))
    throw malformed("root is not signed by its own threshold")
  return root
}

/** Whether enough distinct keys of a root signed this envelope. */
export function isSignedByThreshold(envelope: Envelope, payloadType: string, root: Root): boolean {
  const keys = new Map(root.keys.map((key) => [key.kid, key]))
  return verifyEnvelope(envelope, payloadType, keys).size >= root.threshold
}

/** The fingerprint that people compare: `sha256:<hex>`. */
export function rootFingerprint(root: Root): string {
  return digestText(root.sha256)
}

function readKey({ kid, pub }: { kid: string; pub: string }): PublicKey {
  const key = publicKeyFromRaw(fromBase64(pub))
  if (key.kid !== kid) throw malformed("a root key's id is not the digest of the key")
  return key
}
