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
import { AmcError, malformed } from "./errors.ts"
import { count, hex32, label } from "./fact-field.ts"

/** As a bundle takes it: who looks at a root trusts nobody yet, and parsing takes many times the memory. */
const sizeMax = 64 * 1024

export const rootPayloadType = "application/vnd.amc.root.v1+json"

/** An envelope holds 16 signatures, and a change of the root needs those of old and new owners. */
export const rootKeysMax = 8

const schema = z.strictObject({
  v: z.literal(1),
  workspace: label,
  version: z.int().min(1),
  threshold: z.int().min(1).max(rootKeysMax),
  keys: z
    .array(z.strictObject({ kid: hex32, pub: z.string().length(44) }))
    .min(1)
    .max(rootKeysMax),
  created_ms: count,
  expires_ms: count,
})

/** The owner's root of trust, versioned as in TUF. Version 1 is pinned by its digest, out of band. */
export interface Root {
  readonly workspace: string
  readonly version: number
  readonly threshold: number
  readonly keys: readonly PublicKey[]
  readonly createdMs: number
  readonly expiresMs: number
  /** SHA-256 of the signed body: what everyone pins for version 1. */
  readonly sha256: Uint8Array
}

export interface RootTerms {
  readonly workspace: string
  readonly version: number
  readonly threshold: number
  readonly createdMs: number
  readonly expiresMs: number
}

/**
 * Makes a root of its owners' keys and returns the envelope's bytes. `alsoBy` are owners of the version
 * before, whose threshold has to agree to the change.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export function issueRoot(
  { workspace, version, threshold, createdMs, expiresMs }: RootTerms,
  owners: readonly Signer[],
  alsoBy: readonly Signer[] = [],
): Uint8Array {
  const keys = owners
    .map(({ key }) => ({ kid: key.kid, pub: toBase64(key.raw) }))
    .sort((a, b) => (a.kid < b.kid ? -1 : 1))
  const terms = { workspace, version, threshold, created_ms: createdMs, expires_ms: expiresMs }
  const body = canonicalize(schema.parse({ v: 1, ...terms, keys }))
  const signers = new Map([...owners, ...alsoBy].map((signer) => [signer.key.kid, signer]))
  return encodeEnvelope(signEnvelope(rootPayloadType, body, [...signers.values()]))
}

/**
 * Reads one version of the root and checks that its own threshold signed it.
 *
 * Anybody can make such a file: trust one only as part of a {@link openRootChain} from a pinned digest.
 *
 * @throws {@link AmcError} `input/malformed`, `input/too-large`, `key/refused`
 */
export function parseRoot(bytes: Uint8Array): Root {
  return readRoot(bytes).root
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

/** @internal One version with its envelope, for the chain. */
export function readRoot(bytes: Uint8Array): { root: Root; envelope: Envelope } {
  if (bytes.length > sizeMax)
    throw new AmcError("input/too-large", `a root may have ${sizeMax} bytes`)
  const envelope = parseEnvelope(bytes)
  if (envelope.payloadType !== rootPayloadType) throw malformed("not a root: wrong payload type")
  const parsed = schema.safeParse(parseCanonical(envelope.payload))
  if (!parsed.success) throw malformed("root breaks its schema")
  const root = rootOf(parsed.data, envelope.payload)
  if (new Set(root.keys.map((key) => key.kid)).size < root.threshold)
    throw malformed("root has fewer keys than its threshold")
  if (!isSignedByThreshold(envelope, rootPayloadType, root))
    throw malformed("root is not signed by its own threshold")
  return { root, envelope }
}

function rootOf(body: z.infer<typeof schema>, payload: Uint8Array): Root {
  const { workspace, version, threshold, keys, created_ms, expires_ms } = body
  return {
    workspace,
    version,
    threshold,
    createdMs: created_ms,
    expiresMs: expires_ms,
    keys: keys.map(readKey),
    sha256: sha256(payload),
  }
}

function readKey({ kid, pub }: { kid: string; pub: string }): PublicKey {
  const key = publicKeyFromRaw(fromBase64(pub))
  if (key.kid !== kid) throw malformed("a root key's id is not the digest of the key")
  return key
}
