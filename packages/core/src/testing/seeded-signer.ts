import { createPrivateKey, createPublicKey, sign } from "node:crypto"
import { concatBytes, fromHex } from "../bytes.ts"
import { publicKeyFromRaw } from "../ed25519.ts"
import type { Signer } from "../public-key.ts"

const pkcs8Prefix = fromHex("302e020100300506032b657004220420")

/** A signer whose secret is 32 equal bytes. For tests of this room only. */
export function seededSigner(seed: number): Signer {
  const der = concatBytes(pkcs8Prefix, new Uint8Array(32).fill(seed))
  const privateKey = createPrivateKey({ key: Buffer.from(der), format: "der", type: "pkcs8" })
  const spki = createPublicKey(privateKey).export({ format: "der", type: "spki" })
  return {
    key: publicKeyFromRaw(Uint8Array.from(spki.subarray(12))),
    sign: (message) => new Uint8Array(sign(null, message, privateKey)),
  }
}
