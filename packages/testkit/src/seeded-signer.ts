import { createPrivateKey, createPublicKey, sign } from "node:crypto"
import { concatBytes, fromHex, publicKeyFromSpki, sha256, type Signer, utf8 } from "@amc/core"

const pkcs8Prefix = fromHex("302e020100300506032b657004220420")

/** A signer whose key follows from a text. For tests and vectors only: everybody can compute the key. */
export function seededSigner(seed: string): Signer {
  const der = concatBytes(pkcs8Prefix, sha256(utf8(`amc-testkit/${seed}`)))
  const privateKey = createPrivateKey({ key: Buffer.from(der), format: "der", type: "pkcs8" })
  const spki = createPublicKey(privateKey).export({ format: "der", type: "spki" })
  return {
    key: publicKeyFromSpki(new Uint8Array(spki)),
    sign: (message) => new Uint8Array(sign(null, message, privateKey)),
  }
}
