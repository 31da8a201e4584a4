import { sha256 as hash, sha256Hex as hashHex } from "#crypto"
import { fromHex, toHex } from "./bytes.ts"
import { malformed } from "./errors.ts"

/** The 32 bytes of a SHA-256. */
export type Digest = Uint8Array

const PREFIX = "sha256:"

/** The SHA-256 of bytes. */
export function sha256(bytes: Uint8Array): Digest {
  return hash(bytes)
}

/** The SHA-256 of bytes as 64 lower-case hexadecimal digits. */
export function sha256Hex(bytes: Uint8Array): string {
  return hashHex(bytes)
}

/** The text form of a digest, `sha256:<hex>`. */
export function digestText(digest: Digest): string {
  return PREFIX + toHex(digest)
}

/**
 * Reads `sha256:<64 lower-case hexadecimal digits>`.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export function parseDigestText(text: string): Digest {
  if (!text.startsWith(PREFIX)) throw malformed("digest does not start with sha256:")
  const digest = fromHex(text.slice(PREFIX.length))
  if (digest.length !== 32) throw malformed("digest is not 32 bytes")
  return digest
}
