import { createPublicKey, hash, type KeyObject, verify } from "node:crypto"
import type { PublicKey } from "./public-key.ts"

const keyObjects = new WeakMap<PublicKey, KeyObject>()

/** SHA-256 by OpenSSL. */
export function sha256(bytes: Uint8Array): Uint8Array {
  // Node would give memory of its own to each digest, which takes longer than to hash what is short.
  const { buffer, byteOffset, length } = Buffer.from(hash("sha256", bytes, "binary"), "latin1")
  return new Uint8Array(buffer, byteOffset, length)
}

/** SHA-256 by OpenSSL, as lower-case hexadecimal. */
export function sha256Hex(bytes: Uint8Array): string {
  return hash("sha256", bytes, "hex")
}

/**
 * Whether `encode(S*B - k*A) == R` (RFC 8032 section 5.1.7, without cofactor), by OpenSSL. The caller
 * has checked the encodings of key and signature.
 */
export function satisfiesEquation(
  key: PublicKey,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  return verify(null, message, keyObjectOf(key), signature)
}

function keyObjectOf(key: PublicKey): KeyObject {
  const known = keyObjects.get(key)
  if (known !== undefined) return known
  const made = createPublicKey({ key: Buffer.from(key.spki), format: "der", type: "spki" })
  keyObjects.set(key, made)
  return made
}
