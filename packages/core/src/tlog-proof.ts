import { fromBase64, toBase64 } from "./base64.ts"
import { type Checkpoint, parseCheckpoint } from "./checkpoint.ts"
import type { Digest } from "./digest.ts"
import { AmcError, type ErrorCode, isFault, malformed } from "./errors.ts"
import { verifyInclusion } from "./merkle/inclusion.ts"
import { type NoteVerifier, openNote, parseNote } from "./note.ts"
import { accepted, rejected, type Verdict } from "./verdict.ts"

/** Everything that shows offline that a leaf is in a ledger, but the leaf (C2SP tlog-proof). */
export interface TlogProof {
  readonly index: number
  /** From the leaf's sibling up. */
  readonly path: readonly Digest[]
  /** The signed note of the checkpoint, cosignatures included. */
  readonly checkpoint: string
  /** What came along. Nothing signs it: each part of it must be proven by itself. */
  readonly extra: Uint8Array | null
}

const magic = "c2sp.org/tlog-proof@v1"
const sizeMax = 1024 * 1024
/** As high as a tree of 2^53 leaves is. */
const pathMax = 53

/** The text of a proof. @throws {@link AmcError} `input/malformed`, `input/too-large` */
export function encodeTlogProof({ index, path, checkpoint, extra }: TlogProof): string {
  const lines = [
    magic,
    ...(extra === null ? [] : [`extra ${toBase64(extra)}`]),
    `index ${index}`,
    ...path.map(toBase64),
  ]
  const text = `${lines.join("\n")}\n\n${checkpoint}`
  parseTlogProof(text)
  return text
}

/**
 * Reads the text of a proof. Nothing is verified: see {@link verifyTlogProof}. There is one spelling of
 * each proof.
 *
 * @throws {@link AmcError} `input/malformed`, `input/too-large`
 */
export function parseTlogProof(text: string): TlogProof {
  if (text.length > sizeMax) throw new AmcError("input/too-large", "the proof is longer than 1 MiB")
  const split = text.indexOf("\n\n")
  const [first, ...lines] = split < 0 ? [] : text.slice(0, split).split("\n")
  if (first !== magic) throw malformed("this is no tlog-proof of version 1")
  const extra = lines[0]?.startsWith("extra ") === true ? parseExtra(lines.shift() ?? "") : null
  const index = parseIndex(lines.shift() ?? "")
  if (lines.length > pathMax) throw malformed("the proof is longer than any tree is high")
  const checkpoint = text.slice(split + 2)
  parseNote(checkpoint)
  return { index, path: lines.map(parseHash), checkpoint, extra }
}

/**
 * Verifies that a leaf is in the tree of a checkpoint that one of these ledger keys signed. A key's name is
 * the origin of its ledger. Total over what {@link parseTlogProof} returns.
 *
 * The verdict says nothing of time, nor whether others saw the same tree: for that, look at the cosignatures.
 */
export function verifyTlogProof(
  { index, path, checkpoint: note }: TlogProof,
  leafHash: Digest,
  verifiers: readonly NoteVerifier[],
): Verdict<Checkpoint> {
  const checkpoint = openCheckpoint(note, verifiers)
  if (!checkpoint.accepted) return checkpoint
  const { size: treeSize, root } = checkpoint.value
  if (verifyInclusion(leafHash, { leafIndex: index, treeSize, path }, root)) return checkpoint
  return rejected({
    code: "proof/not-included",
    subject: "proof",
    detail: "it does not lead from the event to the root of its checkpoint",
    tampered: false,
  })
}

function openCheckpoint(note: string, verifiers: readonly NoteVerifier[]): Verdict<Checkpoint> {
  try {
    const { text, signedBy } = openNote(note, verifiers)
    const checkpoint = parseCheckpoint(text)
    if (signedBy.includes(checkpoint.origin)) return accepted(checkpoint)
    throw new AmcError("note/untrusted", "the key that signed it is another ledger's")
  } catch (error) {
    if (!isFault(error)) throw error
    const tampered = error.code === "note/bad-signature"
    const code = checkpointCodes[error.code] ?? "proof/malformed"
    return rejected({ code, subject: "checkpoint", detail: error.message, tampered })
  }
}

const checkpointCodes: Partial<Record<ErrorCode, `proof/${string}`>> = {
  "note/bad-signature": "proof/bad-signature",
  "note/untrusted": "proof/untrusted",
}

function parseExtra(line: string): Uint8Array {
  const bytes = fromBase64(line.slice("extra ".length))
  if (bytes.length === 0) throw malformed("the proof has an extra line with nothing on it")
  return bytes
}

function parseIndex(line: string): number {
  const index = Number(line.slice("index ".length))
  if (!/^index (?:0|[1-9][0-9]*)$/u.test(line) || !Number.isSafeInteger(index))
    throw malformed("the proof has no index that is a plain decimal number")
  return index
}

function parseHash(line: string): Digest {
  const hash = fromBase64(line)
  if (hash.length !== 32) throw malformed("the proof holds a hash that is not 32 bytes")
  return hash
}
