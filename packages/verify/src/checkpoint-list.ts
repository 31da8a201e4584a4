import { type Keyring, fromHex } from "@amc/core"
import type { FindingList } from "./finding-list.ts"
import { keyFindings } from "./key-check.ts"
import { checkpointUse, openSignedCheckpoint } from "./signed-checkpoint.ts"
import type { NumberedCheckpoint, TreeHead } from "./tree-check.ts"

/** Whose checkpoints count, and of which ledger. */
export interface CheckpointTerms {
  /** Of a root that the caller has pinned. */
  readonly keyring: Keyring
  readonly origin: string
}

/** Opens the notes of a ledger's checkpoints, in the order in which they were made; gives them by size. */
export function openCheckpoints(
  notes: readonly string[],
  terms: CheckpointTerms,
  findings: FindingList,
): readonly NumberedCheckpoint[] {
  const opened = notes.flatMap(
    (note, at) => openCheckpoint(note, `checkpoint ${at}`, terms, findings) ?? [],
  )
  for (const [at, { size, subject }] of opened.entries())
    if (size < (opened[at - 1]?.size ?? 0))
      findings.add({
        code: "ledger/checkpoint-order",
        subject,
        detail: "it is smaller than the one before it",
        tampered: true,
      })
  return opened.sort((a, b) => a.size - b.size)
}

/** Opens one note, and says what is wrong with it or with the key that signed it. */
export function openCheckpoint(
  note: string,
  subject: string,
  { keyring, origin }: CheckpointTerms,
  findings: FindingList,
): NumberedCheckpoint | undefined {
  const terms = { code: "ledger/checkpoint", subject, tampered: false } as const
  const keys = keyring.keys("ledger")
  const checkpoint = findings.attempt(terms, () => openSignedCheckpoint(note, origin, keys))
  if (checkpoint === undefined) return undefined
  findings.addAll(keyFindings(keyring, { ...checkpointUse(checkpoint), subject }))
  return { ...checkpoint, subject }
}

/** What this verifier saw before must be there still, or it vouches for nothing. */
export function pinnedCheckpoints({ keyring }: CheckpointTerms): readonly TreeHead[] {
  return keyring.pins.map(({ size, root_sha256 }) => ({
    size,
    root: fromHex(root_sha256),
    subject: `pinned checkpoint of ${size} events`,
    isPinned: true,
  }))
}
