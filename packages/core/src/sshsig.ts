import { fromBase64, toBase64 } from "./base64.ts"
import { concatBytes, equalBytes, text, utf8 } from "./bytes.ts"
import { sha256, sha256Hex } from "./digest.ts"
import { ed25519Spki, verifyEd25519 } from "./ed25519.ts"
import { malformed } from "./errors.ts"
import type { PublicKey, Signer } from "./public-key.ts"

/** One signature as OpenSSH writes it. `kid` is a hint until the signature has verified. */
export interface SshSignature {
  readonly kid: string
  readonly signature: Uint8Array
}

const preamble = utf8("SSHSIG")
const version = Uint8Array.of(0, 0, 0, 1)
const keyType = utf8("ssh-ed25519")
const hashName = utf8("sha256")
const reserved = new Uint8Array(0)
const [header, footer] = ["-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"]
const lineWidth = 70

/** A public key as OpenSSH writes it (RFC 8709, section 4): `ssh-ed25519 <base64>`. */
export function sshPublicKey({ raw }: Pick<PublicKey, "raw">): string {
  return `ssh-ed25519 ${toBase64(keyBlob(raw))}`
}

/**
 * Signs a message for `ssh-keygen -Y verify` (OpenSSH, PROTOCOL.sshsig), hashed with SHA-256. The namespace keeps what
 * is signed for one purpose from serving another.
 */
export function signSshsig(namespace: string, message: Uint8Array, signer: Signer): string {
  const signature = signer.sign(signedData(namespace, message))
  return armor(blobOf(namespace, signer.key.raw, signature))
}

/**
 * Reads a signature in exactly the spelling of {@link signSshsig}: another namespace, key type or hash is refused. No
 * signature is verified.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export function parseSshsig(bytes: Uint8Array, namespace: string): SshSignature {
  const blob = unarmor(text(bytes))
  const [keyAt, signatureAt] = [preamble.length + version.length + 8 + keyType.length + 4, -64]
  const raw = blob.slice(keyAt, keyAt + 32)
  const signature = blob.slice(signatureAt)
  if (raw.length !== 32 || signature.length !== 64) throw notSshsig()
  if (!equalBytes(blob, blobOf(namespace, raw, signature))) throw notSshsig()
  return { kid: sha256Hex(ed25519Spki(raw)), signature }
}

/** Whether a signature is one of these keys' over a message in a namespace. */
export function verifySshsig(
  { kid, signature }: SshSignature,
  namespace: string,
  message: Uint8Array,
  keys: ReadonlyMap<string, PublicKey>,
): boolean {
  const key = keys.get(kid)
  return (
    key !== undefined &&
    key.kid === kid &&
    verifyEd25519(key, signedData(namespace, message), signature)
  )
}

function signedData(namespace: string, message: Uint8Array): Uint8Array {
  const parts = [utf8(namespace), reserved, hashName, sha256(message)]
  return concatBytes(preamble, ...parts.map(sized))
}

function blobOf(namespace: string, raw: Uint8Array, signature: Uint8Array): Uint8Array {
  const wrapped = concatBytes(sized(keyType), sized(signature))
  const parts = [keyBlob(raw), utf8(namespace), reserved, hashName, wrapped]
  return concatBytes(preamble, version, ...parts.map(sized))
}

function keyBlob(raw: Uint8Array): Uint8Array {
  return concatBytes(sized(keyType), sized(raw))
}

/** An SSH string: its length in four bytes, big-endian, before it (RFC 4251, section 5). */
function sized(bytes: Uint8Array): Uint8Array {
  const size = new Uint8Array(4)
  new DataView(size.buffer).setUint32(0, bytes.length)
  return concatBytes(size, bytes)
}

function armor(blob: Uint8Array): string {
  const lines = toBase64(blob).match(new RegExp(`.{1,${lineWidth}}`, "gu")) ?? []
  return [header, ...lines, footer, ""].join("\n")
}

function unarmor(armored: string): Uint8Array {
  const blob = fromBase64(armored.split("\n").slice(1, -2).join(""))
  if (armor(blob) !== armored) throw notSshsig()
  return blob
}

function notSshsig(): Error {
  return malformed("this is not an ssh signature of this kind")
}
