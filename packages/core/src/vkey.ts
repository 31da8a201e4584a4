import { fromBase64, toBase64 } from "./base64.ts"
import { concatBytes } from "./bytes.ts"
import { publicKeyFromRaw } from "./ed25519.ts"
import type { PublicKey } from "./public-key.ts"
import { malformed } from "./errors.ts"
import { isKeyName, keyId, type NoteVerifier } from "./note.ts"

const ED25519 = 1
const COSIGNATURE = 4

/** A note verifier as text, `<name>+<key id>+<base64>`, as other tools for signed notes take it. */
export function vkey(name: string, key: PublicKey): string {
  return encode({ name, key }, ED25519)
}

/** A witness's key as text: a {@link vkey} of the type of timestamped cosignatures (C2SP tlog-cosignature). */
export function cosignerVkey(name: string, key: PublicKey): string {
  return encode({ name, key }, COSIGNATURE)
}

/**
 * Reads a {@link vkey} of type Ed25519, whose key id must fit.
 *
 * @throws {@link AmcError} `input/malformed`, `key/refused`
 */
export function parseVkey(text: string): NoteVerifier {
  return parse(text, ED25519, "ed25519")
}

/**
 * Reads a {@link cosignerVkey}, whose key id must fit.
 *
 * @throws {@link AmcError} `input/malformed`, `key/refused`
 */
export function parseCosignerVkey(text: string): NoteVerifier {
  return parse(text, COSIGNATURE, "cosignature/v1")
}

function encode({ name, key }: NoteVerifier, type: number): string {
  if (!isKeyName(name))
    throw malformed("note key name is empty or has a space, a plus or a control")
  const id = hexId({ name, key }, type)
  return `${name}+${id}+${toBase64(concatBytes(Uint8Array.of(type), key.raw))}`
}

function parse(text: string, type: number, typeName: string): NoteVerifier {
  const [name = "", id, ...rest] = text.split("+")
  const encoded = fromBase64(rest.join("+"))
  if (encoded.length !== 33 || encoded[0] !== type)
    throw malformed(`verifier key is not of type ${typeName}`)
  const key = publicKeyFromRaw(encoded.subarray(1))
  if (!isKeyName(name) || id !== hexId({ name, key }, type))
    throw malformed("verifier key's name and id do not fit")
  return { name, key }
}

function hexId({ name, key }: NoteVerifier, type: number): string {
  return keyId(name, key, type).toString(16).padStart(8, "0")
}
