import { fromBase64, toBase64 } from "./base64.ts"
import { concatBytes } from "./bytes.ts"
import { publicKeyFromRaw } from "./ed25519.ts"
import type { PublicKey } from "./public-key.ts"
import { malformed } from "./errors.ts"
import { isKeyName, keyId, type NoteVerifier } from "./note.ts"

const ED25519 = 1

/** A note verifier as text, `<name>+<key id>+<base64>`, as other tools for signed notes take it. */
export function vkey(name: string, key: PublicKey): string {
  if (!isKeyName(name))
    throw malformed("note key name is empty or has a space, a plus or a control")
  return `${name}+${hexId(name, key)}+${toBase64(concatBytes(Uint8Array.of(ED25519), key.raw))}`
}

/**
 * Reads a {@link vkey} of type Ed25519, whose key id must fit.
 *
 * @throws {@link AmcError} `input/malformed`, `key/refused`
 */
export function parseVkey(text: string): NoteVerifier {
  const [name = "", id, ...rest] = text.split("+")
  const encoded = fromBase64(rest.join("+"))
  if (encoded.length !== 33 || encoded[0] !== ED25519)
    throw malformed("verifier key is not of type ed25519")
  const key = publicKeyFromRaw(encoded.subarray(1))
  if (!isKeyName(name) || id !== hexId(name, key))
    throw malformed("verifier key's name and id do not fit")
  return { name, key }
}

function hexId(name: string, key: PublicKey): string {
  return keyId(name, key).toString(16).padStart(8, "0")
}
