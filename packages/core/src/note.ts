import { fromBase64, toBase64 } from "./base64.ts"
import { concatBytes, utf8 } from "./bytes.ts"
import { sha256 } from "./digest.ts"
import { verifyEd25519 } from "./ed25519.ts"
import type { PublicKey, Signer } from "./public-key.ts"
import { AmcError, malformed } from "./errors.ts"

/** A key whose signatures on notes are trusted, with the name that it signs under. */
export interface NoteVerifier {
  readonly name: string
  readonly key: PublicKey
}

/** One signature line of a note. Nothing about it has been verified. */
export interface NoteSignature {
  readonly name: string
  readonly keyId: number
  readonly signature: Uint8Array
}

/** A note taken apart. The text must not be used before a trusted key's signature has verified. */
export interface ParsedNote {
  readonly text: string
  readonly signatures: readonly NoteSignature[]
}

/** The text of a note with the names of the verifiers whose signatures verified, each once. */
export interface OpenedNote {
  readonly text: string
  readonly signedBy: string[]
}

const ED25519 = 1
const MAX_SIGNATURES = 64
const LINE_START = "\u2014 "

/** Whether a key may have this name: not empty, no white space, no plus, no control character. */
export function isKeyName(name: string): boolean {
  return name.isWellFormed() && /^[^\p{White_Space}\p{Cc}+]+$/u.test(name)
}

/** The id of an Ed25519 key on notes: a hint of 32 bits, which anyone can make collide. */
export function keyId(name: string, key: PublicKey, type: number = ED25519): number {
  const digest = sha256(concatBytes(utf8(`${name}\n`), Uint8Array.of(type), key.raw))
  return new DataView(digest.buffer, digest.byteOffset).getUint32(0)
}

/** Signs a text, which must end in a newline. @throws {@link AmcError} `input/malformed` */
export function signNote(text: string, name: string, signer: Signer): string {
  checkKeyName(name)
  checkText(text)
  const signature = signer.sign(utf8(text))
  return `${text}\n${signatureLine({ name, keyId: keyId(name, signer.key), signature })}`
}

/** One signature as a line of a note, with its newline. */
export function signatureLine({ name, keyId, signature }: NoteSignature): string {
  const id = new Uint8Array(4)
  new DataView(id.buffer).setUint32(0, keyId)
  return `${LINE_START}${name} ${toBase64(concatBytes(id, signature))}\n`
}

/**
 * Takes a note apart (C2SP signed-note, "Format") without verifying anything; use {@link openNote}
 * unless the signatures are of a type that it does not know.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export function parseNote(note: string): ParsedNote {
  const split = note.lastIndexOf("\n\n")
  if (split < 0 || !note.endsWith("\n")) throw malformed("note has no signature lines")
  const text = note.slice(0, split + 1)
  checkText(text)
  const lines = note.slice(split + 2, -1).split("\n")
  if (lines.length > MAX_SIGNATURES) throw malformed(`note has over ${MAX_SIGNATURES} signatures`)
  return { text, signatures: lines.map(parseLine) }
}

/**
 * Opens a note that at least one of the verifiers signed (C2SP signed-note). Signatures by other keys are
 * ignored.
 *
 * @throws {@link AmcError} `input/malformed`; `note/bad-signature` if a verifier's signature does not
 * verify, even if others do; `note/untrusted` if no verifier signed.
 */
export function openNote(note: string, verifiers: readonly NoteVerifier[]): OpenedNote {
  const { text, signatures } = parseNote(note)
  const message = utf8(text)
  const ids = verifiers.map(({ name, key }) => keyId(name, key))
  const signedBy = new Set<string>()
  for (const { name, keyId, signature } of signatures)
    for (const [at, verifier] of verifiers.entries()) {
      if (verifier.name !== name || ids[at] !== keyId) continue
      if (!verifyEd25519(verifier.key, message, signature))
        throw new AmcError("note/bad-signature", "a trusted key's signature does not fit the note")
      signedBy.add(name)
    }
  if (signedBy.size === 0) throw new AmcError("note/untrusted", "no trusted key signed the note")
  return { text, signedBy: [...signedBy] }
}

function parseLine(line: string): NoteSignature {
  const [name, encoded, ...rest] = line.slice(LINE_START.length).split(" ")
  if (
    !line.startsWith(LINE_START) ||
    name === undefined ||
    encoded === undefined ||
    rest.length > 0
  )
    throw malformed("note has a malformed signature line")
  checkKeyName(name)
  const bytes = fromBase64(encoded)
  if (bytes.length < 5) throw malformed("note signature is too short")
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  return { name, keyId: view.getUint32(0), signature: bytes.subarray(4) }
}

function checkText(text: string): void {
  // oxlint-disable-next-line no-control-regex
  if (!text.endsWith("\n") || !text.isWellFormed() || /[\0-\t\v-\x1f]/u.test(text))
    throw malformed("note text is not lines of utf-8 without control characters")
}

function checkKeyName(name: string): void {
  if (!isKeyName(name))
    throw malformed("note key name is empty or has a space, a plus or a control")
}
