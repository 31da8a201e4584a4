import {
  AmcError,
  type Checkpoint,
  isFault,
  malformed,
  openNote,
  parseCheckpoint,
  type PublicKey,
} from "@amc/core"
import type { KeyUse } from "./key-check.ts"

/** A checkpoint that a certified ledger key signed. */
export interface SignedCheckpoint extends Checkpoint {
  readonly signedBy: ReadonlySet<string>
}

/** How the keys of a checkpoint are judged: it says no time, and belongs to the last event that it covers. */
export function checkpointUse({ size, signedBy }: SignedCheckpoint): Omit<KeyUse, "subject"> {
  return { role: "ledger", signedBy, place: { index: Math.max(0, size - 1) } }
}

/**
 * Opens the note of a checkpoint of this origin (spec/checkpoint.md). The key's name is the origin.
 *
 * @throws {@link AmcError} `input/malformed`, `note/bad-signature`, `note/untrusted`
 */
export function openSignedCheckpoint(
  note: string,
  origin: string,
  keys: ReadonlyMap<string, PublicKey>,
): SignedCheckpoint {
  const opened = [...keys.values()].flatMap((key) => textSignedBy(note, origin, key) ?? [])
  const [first] = opened
  if (first === undefined)
    throw new AmcError(
      "note/untrusted",
      "no ledger key that the root certified signed the checkpoint",
    )
  const checkpoint = parseCheckpoint(first.text)
  if (checkpoint.origin !== origin) throw malformed("the checkpoint is of another ledger")
  return { ...checkpoint, signedBy: new Set(opened.map(({ kid }) => kid)) }
}

function textSignedBy(
  note: string,
  name: string,
  key: PublicKey,
): { kid: string; text: string } | undefined {
  try {
    return { kid: key.kid, text: openNote(note, [{ name, key }]).text }
  } catch (error) {
    if (isFault(error, "note/untrusted")) return undefined
    throw error
  }
}
