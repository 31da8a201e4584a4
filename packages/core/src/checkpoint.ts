import { fromBase64, toBase64 } from "./base64.ts"
import { equalBytes } from "./bytes.ts"
import type { Digest } from "./digest.ts"
import { malformed } from "./errors.ts"
import { emptyRoot } from "./merkle/hash.ts"
import { isKeyName } from "./note.ts"

/** The state of a ledger at a size. */
export interface Checkpoint {
  readonly origin: string
  readonly size: number
  readonly root: Digest
}

/** The text that is signed (C2SP tlog-checkpoint, "Note text"). @throws {@link AmcError} `input/malformed` */
export function encodeCheckpoint({ origin, size, root }: Checkpoint): string {
  const text = `${origin}\n${size}\n${toBase64(root)}\n`
  parseCheckpoint(text)
  return text
}

/**
 * Reads a checkpoint from the text of a signed note (C2SP tlog-checkpoint, "Note text").
 *
 * Accepts exactly one spelling of each checkpoint, so that equal checkpoints have equal bytes. The
 * signatures are not looked at: open the note first, and pass only text that a trusted key signed.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin = "", digits = "", encoded = "", end, ...rest] = text.split("\n")
  if (end !== "" || rest.length > 0) throw malformed("checkpoint is not exactly three lines")
  if (!isKeyName(origin)) throw malformed("checkpoint origin is empty or has a space or a plus")
  const [size, root] = [parseSize(digits), fromBase64(encoded)]
  if (root.length !== 32) throw malformed("checkpoint root is not 32 bytes")
  if (size === 0 && !equalBytes(root, emptyRoot))
    throw malformed("checkpoint of size 0 does not have the root of the empty tree")
  return { origin, size, root }
}

function parseSize(digits: string): number {
  const size = Number(digits)
  if (!/^(?:0|[1-9][0-9]*)$/u.test(digits) || !Number.isSafeInteger(size))
    throw malformed("checkpoint size is not a plain decimal number")
  return size
}
