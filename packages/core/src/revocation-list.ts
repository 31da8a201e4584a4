import { z } from "zod"
import { canonicalize, parseCanonical } from "./canonical.ts"
import { sha256Hex } from "./digest.ts"
import { encodeEnvelope, parseEnvelope, signEnvelope } from "./dsse.ts"
import { malformed } from "./errors.ts"
import { count, hex32, label } from "./fact-field.ts"
import type { Signer } from "./public-key.ts"
import { isSignedByThreshold, type Root } from "./root.ts"

export const revocationListPayloadType = "application/vnd.amc.revocation-list.v1+json"

/** How many keys a workspace may have had certified and ended, over all its life. */
export const keysMax = 1024

const revocationSchema = z.strictObject({
  kid: hex32,
  /** Replaced in good order, or known to others than its owner. */
  reason: z.enum(["superseded", "compromised"]),
  /** From which ledger index on a superseded key signs nothing any more; null where only the time counts. */
  from_index: count.nullable(),
  /** From when on; for a compromised key the earliest time at which a thief may have had it. */
  from_ms: count,
})

/** How many certificates a workspace may have revoked, over all its life. */
export const revokedCertificatesMax = 4096

const revokedCertificateSchema = z.strictObject({
  /** Of the signed statement. */
  sha256: hex32,
  revoked_ms: count,
})

const schema = z.strictObject({
  v: z.literal(1),
  workspace: label,
  version: z.int().min(1),
  created_ms: count,
  expires_ms: count,
  revoked: z.array(revocationSchema).max(keysMax),
  /** Not there where it would be empty. */
  certificates: z.array(revokedCertificateSchema).min(1).max(revokedCertificatesMax).optional(),
})

/** A certificate that its issuer has taken back. */
export type RevokedCertificate = z.infer<typeof revokedCertificateSchema>

/** The end of one key, as the root's owners tell it. */
export type Revocation = z.infer<typeof revocationSchema>

/** Which certified keys have ended and how, and which certificates were taken back. Versioned, and it expires, so that an old one can't be put back for ever. */
export interface RevocationList {
  readonly workspace: string
  readonly version: number
  readonly createdMs: number
  readonly expiresMs: number
  readonly revoked: ReadonlyMap<string, Revocation>
  /** When each revoked certificate was, by the digest of its statement. */
  readonly certificates: ReadonlyMap<string, number>
  /** SHA-256 of the signed body, 64 lower-case hexadecimal digits. */
  readonly sha256: string
}

export interface RevocationListTerms {
  readonly workspace: string
  readonly version: number
  readonly createdMs: number
  readonly expiresMs: number
  readonly revoked: readonly Revocation[]
  readonly certificates?: ReadonlyMap<string, number>
}

/** Signs a list with the root owners' keys; returns the envelope's bytes. */
export function issueRevocationList(
  { workspace, version, createdMs, expiresMs, revoked, certificates }: RevocationListTerms,
  owners: readonly Signer[],
): Uint8Array {
  const sorted = revoked.toSorted((a, b) => (a.kid < b.kid ? -1 : 1))
  const terms = { workspace, version, created_ms: createdMs, expires_ms: expiresMs }
  const ended = [...(certificates ?? [])]
    .map(([sha256, revoked_ms]) => ({ sha256, revoked_ms }))
    .sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1))
  const taken = ended.length === 0 ? {} : { certificates: ended }
  const body = canonicalize(schema.parse({ v: 1, ...terms, revoked: sorted, ...taken }) as never)
  return encodeEnvelope(signEnvelope(revocationListPayloadType, body, owners))
}

/**
 * Reads a list that the root's threshold signed for its own workspace. Whether it is current is for the
 * caller to judge: by its expiry, and by the highest version that was seen before.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export function openRevocationList(bytes: Uint8Array, root: Root): RevocationList {
  const envelope = parseEnvelope(bytes)
  if (!isSignedByThreshold(envelope, revocationListPayloadType, root))
    throw malformed("revocation list is not signed by the root")
  const parsed = schema.safeParse(parseCanonical(envelope.payload))
  if (!parsed.success) throw malformed("revocation list breaks its schema")
  const { workspace, version, created_ms: createdMs, expires_ms: expiresMs } = parsed.data
  if (workspace !== root.workspace) throw malformed("revocation list is of another workspace")
  const { revoked, certificates = [] } = parsed.data
  if (!isInOrder(revoked.map(({ kid }) => kid)))
    throw malformed("revocation list is not in order of distinct keys")
  if (!isInOrder(certificates.map((each) => each.sha256)))
    throw malformed("revocation list is not in order of distinct certificates")
  const byKid = new Map(revoked.map((each) => [each.kid, each]))
  const sha256 = sha256Hex(envelope.payload)
  const taken = new Map(certificates.map((each) => [each.sha256, each.revoked_ms]))
  return { workspace, version, createdMs, expiresMs, revoked: byKid, certificates: taken, sha256 }
}

function isInOrder(names: readonly string[]): boolean {
  return names.every((name, at) => at === 0 || name > (names[at - 1] ?? ""))
}
