import { z } from "zod"
import { fromBase64, toBase64 } from "./base64.ts"
import { canonicalize, parseCanonical } from "./canonical.ts"
import { addSignatures, encodeEnvelope, parseEnvelope, signEnvelope } from "./dsse.ts"
import { publicKeyFromRaw } from "./ed25519.ts"
import type { PublicKey, Signer } from "./public-key.ts"
import { malformed } from "./errors.ts"
import { agentId, count, hex32, label } from "./fact-field.ts"
import { isSignedByThreshold, type Root } from "./root.ts"

export const keyCertificatePayloadType = "application/vnd.amc.key-certificate.v1+json"

/** What a certified key may sign: events and receipts, checkpoints, runs and configs, or lists of a release's files. */
export const keyRoles = ["monitor", "ledger", "auditor", "release"] as const
export type KeyRole = (typeof keyRoles)[number]

const schema = z.strictObject({
  v: z.literal(1),
  workspace: label,
  kid: hex32,
  pub: z.string().length(44),
  role: z.enum(keyRoles),
  /** The lanes that a monitor key may write; empty for the other roles. */
  lanes: z.array(agentId).max(64),
  valid_from_index: count,
  valid_to_index: count.nullable(),
  valid_from_ms: count,
  valid_to_ms: count.nullable(),
})

export type KeyTerms = Omit<z.infer<typeof schema>, "v" | "kid" | "pub">

/** A key with the role, lanes and window that the root gave it. Window ends are inclusive. */
export interface KeyCertificate {
  readonly key: PublicKey
  readonly role: KeyRole
  readonly lanes: readonly string[]
  readonly validFromIndex: number
  readonly validToIndex: number | null
  readonly validFromMs: number
  readonly validToMs: number | null
}

/** Certifies a key with the root owners' signatures; returns the envelope's bytes. */
export function issueKeyCertificate(
  key: PublicKey,
  terms: KeyTerms,
  owners: readonly Signer[],
): Uint8Array {
  const body = canonicalize(schema.parse({ v: 1, kid: key.kid, pub: toBase64(key.raw), ...terms }))
  return encodeEnvelope(signEnvelope(keyCertificatePayloadType, body, owners))
}

/**
 * The same certificate with more owners' signatures, so that it counts under the next root too. Of those that
 * are there, only the ones by `kept` stay.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export function countersignKeyCertificate(
  bytes: Uint8Array,
  owners: readonly Signer[],
  kept: ReadonlySet<string>,
): Uint8Array {
  const envelope = parseEnvelope(bytes)
  const signatures = envelope.signatures.filter(({ keyid }) => kept.has(keyid))
  return encodeEnvelope(addSignatures({ ...envelope, signatures }, owners))
}

/**
 * Reads a key certificate that the root's threshold signed for the root's own workspace.
 *
 * @throws {@link AmcError} `input/malformed`, `key/refused`
 */
export function openKeyCertificate(bytes: Uint8Array, root: Root): KeyCertificate {
  const envelope = parseEnvelope(bytes)
  if (!isSignedByThreshold(envelope, keyCertificatePayloadType, root))
    throw malformed("key certificate is not signed by the root")
  const parsed = schema.safeParse(parseCanonical(envelope.payload))
  if (!parsed.success) throw malformed("key certificate breaks its schema")
  if (parsed.data.workspace !== root.workspace)
    throw malformed("key certificate is of another workspace")
  const key = publicKeyFromRaw(fromBase64(parsed.data.pub))
  if (key.kid !== parsed.data.kid)
    throw malformed("key certificate's key id is not the digest of the key")
  const { role, lanes, ...window } = parsed.data
  return {
    key,
    role,
    lanes,
    validFromIndex: window.valid_from_index,
    validToIndex: window.valid_to_index,
    validFromMs: window.valid_from_ms,
    validToMs: window.valid_to_ms,
  }
}
