import { concatBytes, utf8 } from "./bytes.ts"
import { parseCheckpoint } from "./checkpoint.ts"
import { verifyEd25519 } from "./ed25519.ts"
import { AmcError, malformed } from "./errors.ts"
import { keyId, type NoteSignature, type NoteVerifier, parseNote, signatureLine } from "./note.ts"
import type { Signer } from "./public-key.ts"

/** A witness's statement that at a time it knew of no larger tree, and of no other tree of that size. */
export interface Cosignature {
  readonly name: string
  /** Seconds since 1970. */
  readonly time: number
}

const TYPE = 4
/** The time in eight bytes, then an Ed25519 signature. */
const size = 8 + 64

/**
 * Cosigns the text of a checkpoint (C2SP tlog-cosignature, "Ed25519 signed message") and gives the line of
 * the note, with its newline. The caller must have checked that the checkpoint extends what it cosigned
 * before, and have made that durable.
 *
 * @throws {@link AmcError} `input/malformed` for a text that is no checkpoint, or a time that is not whole seconds
 */
export function signCosignature(text: string, { name, time }: Cosignature, signer: Signer): string {
  parseCheckpoint(text)
  if (!Number.isSafeInteger(time) || time < 1)
    throw malformed("a cosignature's time is not whole seconds")
  const stamp = new Uint8Array(8)
  new DataView(stamp.buffer).setBigUint64(0, BigInt(time))
  const signature = concatBytes(stamp, signer.sign(message(text, BigInt(time))))
  return signatureLine({ name, keyId: cosignerId({ name, key: signer.key }), signature })
}

/**
 * The cosignatures of these witnesses on a note, in its order. Lines of other keys are ignored. The text is
 * only worth something if the log's key signed it too: see `openNote`.
 *
 * @throws {@link AmcError} `input/malformed`; `note/bad-signature` if a line with the name and id of one of the
 * witnesses does not verify, whatever the others say
 */
export function openCosignatures(
  note: string,
  witnesses: readonly NoteVerifier[],
): readonly Cosignature[] {
  const { text, signatures } = parseNote(note)
  const known = witnesses.map((witness) => ({ witness, id: cosignerId(witness) }))
  return signatures.flatMap((line) =>
    known
      .filter(({ witness, id }) => witness.name === line.name && id === line.keyId)
      .map(({ witness }) => openLine(text, line, witness)),
  )
}

function openLine(text: string, line: NoteSignature, { name, key }: NoteVerifier): Cosignature {
  const { signature } = line
  const time = signature.length === size ? timeOf(signature) : 0n
  // A time that a number can't hold is further off than any that could be true.
  const isTime = time > 0n && time <= BigInt(Number.MAX_SAFE_INTEGER)
  if (!isTime || !verifyEd25519(key, message(text, time), signature.subarray(8)))
    throw new AmcError(
      "note/bad-signature",
      "a trusted witness's cosignature does not fit the note",
    )
  return { name, time: Number(time) }
}

function timeOf(signature: Uint8Array): bigint {
  return new DataView(signature.buffer, signature.byteOffset).getBigUint64(0)
}

function cosignerId({ name, key }: NoteVerifier): number {
  return keyId(name, key, TYPE)
}

function message(text: string, time: bigint): Uint8Array {
  return utf8(`cosignature/v1\ntime ${time}\n${text}`)
}
