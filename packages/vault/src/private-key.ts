import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from "node:crypto"
import { publicKeyFromSpki, type Signer } from "@amc/core"
import { damaged } from "./vault-header.ts"

/** A new Ed25519 private key as PKCS#8 in DER. The caller wipes it. */
export function generatePrivateKey(): Uint8Array {
  const { privateKey } = generateKeyPairSync("ed25519")
  const der = privateKey.export({ format: "der", type: "pkcs8" })
  const key = Uint8Array.from(der)
  der.fill(0)
  return key
}

/**
 * A signer with a private key. The bytes are not needed afterwards, and the caller wipes them; OpenSSL
 * keeps the key and clears it when the signer is collected.
 *
 * @throws {@link AmcError} `vault/damaged` if the bytes are not an Ed25519 private key
 */
export function privateKeySigner(pkcs8: Uint8Array): Signer {
  const privateKey = readKey(pkcs8)
  const spki = createPublicKey(privateKey).export({ format: "der", type: "spki" })
  const key = publicKeyFromSpki(Uint8Array.from(spki))
  return { key, sign: (message) => new Uint8Array(sign(null, message, privateKey)) }
}

function readKey(pkcs8: Uint8Array): ReturnType<typeof createPrivateKey> {
  // A view, not a copy, so that no second copy is left unwiped.
  const key = Buffer.from(pkcs8.buffer, pkcs8.byteOffset, pkcs8.byteLength)
  try {
    const read = createPrivateKey({ key, format: "der", type: "pkcs8" })
    if (read.asymmetricKeyType === "ed25519") return read
  } catch (cause) {
    throw damaged("a secret is not a private key", cause)
  }
  throw damaged("a private key is not of type ed25519")
}
