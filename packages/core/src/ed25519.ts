import { satisfiesEquation } from "#crypto"
import { concatBytes, equalBytes, fromHex } from "./bytes.ts"
import { isCanonicalHighOrder, isCanonicalScalar, isOnCurve } from "./curve-point.ts"
import { sha256Hex } from "./digest.ts"
import { AmcError } from "./errors.ts"
import type { PublicKey } from "./public-key.ts"

/**
 * Decides rule 7 of spec/ed25519.md, `encode(S*B - k*A) == R` without cofactor, for what all other rules let pass. It is
 * believed: what it accepts is accepted.
 */
export type EquationCheck = (key: PublicKey, message: Uint8Array, signature: Uint8Array) => boolean

/** The platform's own: OpenSSL in Node, noble's arithmetic in browsers. */
export const platformEquation: EquationCheck = satisfiesEquation

const spkiPrefix = fromHex("302a300506032b6570032100")
const soundness = new WeakMap<PublicKey, boolean>()

/** The SubjectPublicKeyInfo in DER of a raw key (RFC 8410). Checks nothing. */
export function ed25519Spki(raw: Uint8Array): Uint8Array {
  return concatBytes(spkiPrefix, raw)
}

/**
 * The public key of 32 bytes (spec/ed25519.md, rules 1 to 3).
 *
 * @throws {@link AmcError} `key/refused` for an encoding that is not canonical, a point of low order,
 * or bytes that are not a point: with such keys one signature can fit many messages.
 */
export function publicKeyFromRaw(raw: Uint8Array): PublicKey {
  if (!isSoundPoint(raw)) throw refused("public key is not a canonical point of high order")
  const spki = ed25519Spki(raw)
  const key = { kid: sha256Hex(spki), raw: Uint8Array.from(raw), spki }
  soundness.set(key, true)
  return key
}

/**
 * The public key of a SubjectPublicKeyInfo in DER, which must be byte for byte as RFC 8410 writes it.
 *
 * @throws {@link AmcError} `key/refused`
 */
export function publicKeyFromSpki(spki: Uint8Array): PublicKey {
  const raw = spki.subarray(spkiPrefix.length)
  if (!equalBytes(spki, ed25519Spki(raw))) throw refused("public key is not an ed25519 spki")
  return publicKeyFromRaw(raw)
}

/**
 * Whether a signature is this key's over this message, by the strict rule of spec/ed25519.md: 64 bytes,
 * S below the group order, R canonical and not of low order, A checked as in {@link publicKeyFromRaw},
 * and the equation without cofactor. Node and browsers decide alike.
 *
 * Total: anything else than such a signature is `false`, and so is a key object whose parts do not fit.
 *
 * @param equation who decides the last of these; all others are decided here
 */
export function verifyEd25519(
  key: PublicKey,
  message: Uint8Array,
  signature: Uint8Array,
  equation: EquationCheck = platformEquation,
): boolean {
  return isAcceptableSignature(signature) && isSound(key) && equation(key, message, signature)
}

function isAcceptableSignature(signature: Uint8Array): boolean {
  return (
    signature.length === 64 &&
    isCanonicalScalar(signature.subarray(32)) &&
    isCanonicalHighOrder(signature.subarray(0, 32))
  )
}

/** A key may have come through a structured clone instead of the constructors above. */
function isSound(key: PublicKey): boolean {
  const known = soundness.get(key)
  if (known !== undefined) return known
  const spki = ed25519Spki(key.raw)
  const sound = isSoundPoint(key.raw) && equalBytes(spki, key.spki) && sha256Hex(spki) === key.kid
  soundness.set(key, sound)
  return sound
}

function isSoundPoint(raw: Uint8Array): boolean {
  return raw.length === 32 && isCanonicalHighOrder(raw) && isOnCurve(raw)
}

function refused(message: string): AmcError {
  return new AmcError("key/refused", message)
}
