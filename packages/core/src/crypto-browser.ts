import { ed25519 } from "@noble/curves/ed25519.js"
import { sha256 as nobleSha256, sha512 } from "@noble/hashes/sha2.js"
import { concatBytes, equalBytes, toHex } from "./bytes.ts"
import type { PublicKey } from "./public-key.ts"

const { Point } = ed25519

/** SHA-256 by noble. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return nobleSha256(bytes)
}

/** SHA-256 by noble, as lower-case hexadecimal. */
export function sha256Hex(bytes: Uint8Array): string {
  return toHex(nobleSha256(bytes))
}

/**
 * Whether `encode(S*B - k*A) == R` (RFC 8032 section 5.1.7, without cofactor). noble's own `verify`
 * multiplies by the cofactor and so accepts more than OpenSSL does; hence the equation stands here.
 * The caller has checked the encodings of key and signature.
 */
export function satisfiesEquation(
  key: PublicKey,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const r = signature.subarray(0, 32)
  const k = littleEndian(sha512(concatBytes(r, key.raw, message))) % Point.Fn.ORDER
  const sB = Point.BASE.multiplyUnsafe(littleEndian(signature.subarray(32)))
  const kA = Point.fromBytes(key.raw).multiplyUnsafe(k)
  return equalBytes(sB.subtract(kA).toBytes(), r)
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n)
}
