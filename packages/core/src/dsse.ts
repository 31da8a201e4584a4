import { concatBytes, utf8 } from "./bytes.ts"
import { fromBase64, toBase64 } from "./base64.ts"
import { canonicalize, type JsonValue, parseCanonical } from "./canonical.ts"
import { verifyEd25519 } from "./ed25519.ts"
import type { PublicKey, Signer } from "./public-key.ts"
import { malformed } from "./errors.ts"
import { isObjectOf } from "./members.ts"

/** One signature of an {@link Envelope}. `keyid` is a hint until the signature has verified. */
export interface EnvelopeSignature {
  readonly keyid: string
  readonly sig: Uint8Array
}

/** A payload with signatures over its pre-authentication encoding (DSSE v1). */
export interface Envelope {
  readonly payloadType: string
  readonly payload: Uint8Array
  /** One to sixteen, ordered by `keyid`, each `keyid` once. */
  readonly signatures: readonly EnvelopeSignature[]
}

const MAX_SIGNATURES = 16

/** The bytes that are signed: payload type and payload, each with its length (DSSE v1, "PAE"). */
export function pae(payloadType: string, payload: Uint8Array): Uint8Array {
  return concatBytes(utf8(paeHead(payloadType, payload.length)), payload)
}

/** What stands before a payload of this many bytes when it is signed. */
export function paeHead(payloadType: string, size: number): string {
  return `DSSEv1 ${utf8(payloadType).length} ${payloadType} ${size} `
}

/** Signs a payload with every signer. @throws {@link AmcError} `input/malformed` for a key named twice. */
export function signEnvelope(
  payloadType: string,
  payload: Uint8Array,
  signers: readonly Signer[],
): Envelope {
  const message = pae(payloadType, payload)
  const signatures = signers
    .map((signer) => ({ keyid: signer.key.kid, sig: signer.sign(message) }))
    .sort((a, b) => (a.keyid < b.keyid ? -1 : 1))
  checkSignatures(signatures)
  return { payloadType, payload, signatures }
}

/** The envelope with more signatures over the same payload, in place of older ones by the same keys. */
export function addSignatures(envelope: Envelope, signers: readonly Signer[]): Envelope {
  const { payloadType, payload } = envelope
  const added = signEnvelope(payloadType, payload, signers).signatures
  const kept = envelope.signatures.filter(({ keyid }) => added.every((one) => one.keyid !== keyid))
  const signatures = [...kept, ...added].sort((a, b) => (a.keyid < b.keyid ? -1 : 1))
  checkSignatures(signatures)
  return { payloadType, payload, signatures }
}

/**
 * The kids whose signature over the envelope verifies, out of `keys`. Empty if the payload type is not
 * the expected one. Whether these kids suffice is the caller's decision, by the keys' roles.
 */
export function verifyEnvelope(
  envelope: Envelope,
  payloadType: string,
  keys: ReadonlyMap<string, PublicKey>,
): Set<string> {
  if (envelope.payloadType !== payloadType) return new Set()
  const message = pae(payloadType, envelope.payload)
  const good = envelope.signatures.filter(({ keyid, sig }) => {
    const key = keys.get(keyid)
    return key !== undefined && key.kid === keyid && verifyEd25519(key, message, sig)
  })
  return new Set(good.map(({ keyid }) => keyid))
}

/** The envelope's canonical JSON (spec/dsse.md). @throws {@link AmcError} `input/malformed` */
export function encodeEnvelope({ payloadType, payload, signatures }: Envelope): Uint8Array {
  checkSignatures(signatures)
  return canonicalize({
    payload: toBase64(payload),
    payloadType,
    signatures: signatures.map(({ keyid, sig }) => ({ keyid, sig: toBase64(sig) })),
  })
}

/**
 * Reads an envelope in exactly the spelling of {@link encodeEnvelope}. No signature is verified: do not
 * look at the payload before {@link verifyEnvelope}.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export function parseEnvelope(bytes: Uint8Array): Envelope {
  const value = parseCanonical(bytes)
  if (!isObjectOf(value, ["payload", "payloadType", "signatures"]))
    throw malformed("envelope does not have exactly the members of dsse")
  const { payload, payloadType, signatures } = value
  if (typeof payload !== "string" || typeof payloadType !== "string" || !Array.isArray(signatures))
    throw malformed("envelope has a member of the wrong type")
  const read = (signatures as readonly JsonValue[]).map(readSignature)
  checkSignatures(read)
  return { payloadType, payload: fromBase64(payload), signatures: read }
}

function readSignature(value: JsonValue): EnvelopeSignature {
  if (!isObjectOf(value, ["keyid", "sig"]))
    throw malformed("envelope signature does not have exactly keyid and sig")
  const { keyid, sig } = value
  if (typeof keyid !== "string" || typeof sig !== "string")
    throw malformed("envelope signature has a member of the wrong type")
  return { keyid, sig: fromBase64(sig) }
}

function checkSignatures(signatures: readonly EnvelopeSignature[]): void {
  if (signatures.length === 0 || signatures.length > MAX_SIGNATURES)
    throw malformed(`envelope does not have 1 to ${MAX_SIGNATURES} signatures`)
  let last = ""
  for (const { keyid, sig } of signatures) {
    if (!/^[0-9a-f]{64}$/u.test(keyid)) throw malformed("envelope keyid is not a kid")
    if (sig.length !== 64) throw malformed("envelope signature is not 64 bytes")
    if (keyid <= last) throw malformed("envelope signatures are not in order of distinct keyids")
    last = keyid
  }
}
