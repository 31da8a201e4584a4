import { equalBytes, type Signer } from "@amc/core"
import type { Sodium } from "sodium-native"
import { privateKeySigner } from "./private-key.ts"
import { loadSodium } from "./sodium.ts"

/** PKCS#8 of an Ed25519 key up to its 32 bytes of seed (RFC 8410 section 7). */
const prefix = Buffer.from("302e020100300506032b657004220420", "hex")
const [seedSize, signatureSize] = [32, 64]

/**
 * A signer for the lane's key, which signs every event and receipt. With libsodium, where the platform has a
 * build of it, it takes half as long as with OpenSSL, gives the same bytes, and keeps the key in locked memory. The
 * caller wipes the bytes.
 *
 * @throws {@link AmcError} `vault/damaged` if the bytes are not an Ed25519 private key
 */
export async function laneKeySigner(pkcs8: Uint8Array): Promise<Signer> {
  const plain = privateKeySigner(pkcs8)
  const sodium = await loadSodium()
  const seed = seedOf(pkcs8)
  if (sodium === null || seed === null) return plain
  const signer = sodiumSigner(sodium, seed, plain)
  // Both must say the same (RFC 8032 leaves no choice), or the faster one is broken.
  const trial = new Uint8Array(seedSize)
  return equalBytes(signer.sign(trial), plain.sign(trial)) ? signer : plain
}

function sodiumSigner(sodium: Sodium, seed: Buffer, { key }: Signer): Signer {
  const secret = sodium.sodium_malloc(sodium.crypto_sign_SECRETKEYBYTES)
  sodium.crypto_sign_seed_keypair(Buffer.alloc(seedSize), secret, seed)
  return {
    key,
    sign: (message) => {
      // Out of Node's pool: memory of its own, which a native call asks for, takes longer than the rest of it.
      const { buffer, byteOffset } = Buffer.allocUnsafe(signatureSize)
      const signature = new Uint8Array(buffer, byteOffset, signatureSize)
      sodium.crypto_sign_detached(signature, message, secret)
      return signature
    },
  }
}

/** A view, so that no copy of the seed stays behind. */
function seedOf(pkcs8: Uint8Array): Buffer | null {
  const whole = bufferOf(pkcs8)
  const isKnown = whole.length === prefix.length + seedSize && whole.indexOf(prefix) === 0
  return isKnown ? whole.subarray(prefix.length) : null
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}
