import { fromBase64, toBase64 } from "./base64.ts"
import { text, utf8 } from "./bytes.ts"
import type { Digest } from "./digest.ts"
import { AmcError, malformed } from "./errors.ts"

/** What a log asks of a witness: to cosign a checkpoint that extends one that the witness knows. */
export interface AddCheckpoint {
  /** The size of the last checkpoint that the witness cosigned, or 0. */
  readonly oldSize: number
  /** The consistency path from that size to the checkpoint's. */
  readonly path: readonly Digest[]
  /** The signed note of the checkpoint. */
  readonly note: string
}

const pathMax = 63
/** More than a note with 16 post-quantum signatures needs. */
export const addCheckpointMax: number = 128 * 1024

/** The body of an add-checkpoint request (C2SP tlog-witness). */
export function encodeAddCheckpoint({ oldSize, path, note }: AddCheckpoint): Uint8Array {
  const lines = [`old ${oldSize}`, ...path.map(toBase64)]
  return utf8(`${lines.join("\n")}\n\n${note}`)
}

/**
 * Reads the body of an add-checkpoint request. Neither note nor path has been looked at.
 *
 * @throws {@link AmcError} `input/malformed`, `input/too-large`
 */
export function parseAddCheckpoint(body: Uint8Array): AddCheckpoint {
  if (body.length > addCheckpointMax)
    throw new AmcError("input/too-large", `the request is longer than ${addCheckpointMax} bytes`)
  const whole = text(body)
  const end = whole.indexOf("\n\n")
  if (end < 0) throw malformed("the request has no empty line")
  const [first = "", ...path] = whole.slice(0, end).split("\n")
  if (path.length > pathMax) throw malformed(`the proof has over ${pathMax} hashes`)
  return { oldSize: parseOldSize(first), path: path.map(parseHash), note: whole.slice(end + 2) }
}

/** The size that a witness tells with 409, with its newline. @throws {@link AmcError} `input/malformed` */
export function parseToldSize(body: Uint8Array): number {
  const digits = /^(0|[1-9][0-9]{0,15})\n$/u.exec(text(body))?.[1]
  if (digits === undefined || !Number.isSafeInteger(Number(digits)))
    throw malformed("the witness told no size")
  return Number(digits)
}

function parseOldSize(line: string): number {
  const digits = /^old (0|[1-9][0-9]*)$/u.exec(line)?.[1]
  if (digits === undefined || !Number.isSafeInteger(Number(digits)))
    throw malformed("the request does not start with an old size")
  return Number(digits)
}

function parseHash(line: string): Digest {
  const hash = fromBase64(line)
  if (hash.length !== 32) throw malformed("a hash of the proof is not 32 bytes")
  return hash
}
