import { type CheckpointPin, type Keyring, parseNote } from "@amc/core"
import type { CheckpointTerms } from "./checkpoint-list.ts"
import { FindingList } from "./finding-list.ts"
import { openSignedCheckpoint, type SignedCheckpoint } from "./signed-checkpoint.ts"
import {
  checkWitnesses,
  witnessedPins,
  type WitnessSummary,
  type WitnessTerms,
} from "./witness-check.ts"

/** What the verifier's witnesses say of a ledger: of the largest checkpoint that has their quorum. */
export interface LedgerWitnessing extends WitnessSummary {
  /** How many events that checkpoint covers. */
  readonly covered: number
}

/** The keys of a ledger, and what the witnesses of its checkpoints say. */
export interface WitnessedLedger {
  /** With a pin for each checkpoint that a quorum cosigned. */
  readonly keyring: Keyring
  /** Null without a policy, or if no checkpoint is cosigned. */
  readonly witnessing: LedgerWitnessing | null
}

/** Evaluates the cosignatures of a ledger's checkpoints. What else is wrong with a note is not looked at here. */
export function witnessLedger(
  notes: readonly string[],
  { keyring, origin }: CheckpointTerms,
  terms: WitnessTerms,
  findings: FindingList,
): WitnessedLedger {
  if (terms.policy === undefined) return { keyring, witnessing: null }
  const pins: CheckpointPin[] = []
  let best: LedgerWitnessing | null = null
  for (const [at, note] of notes.entries()) {
    const checkpoint = openCosigned(note, { keyring, origin })
    if (checkpoint === undefined) continue
    const summary = checkWitnesses(note, `checkpoint ${at}`, terms, findings)
    pins.push(...witnessedPins(checkpoint, summary))
    if (summary === null || summary.witnesses.length === 0) continue
    best = better(best, { ...summary, covered: checkpoint.size })
  }
  return { keyring: keyring.withPins([...keyring.pins, ...pins]), witnessing: best }
}

/** A checkpoint of this ledger with more signatures than the one that it must have. */
function openCosigned(
  note: string,
  { keyring, origin }: CheckpointTerms,
): SignedCheckpoint | undefined {
  const quiet = { code: "ledger/checkpoint", subject: "", tampered: false } as const
  return new FindingList().attempt(quiet, () =>
    parseNote(note).signatures.length < 2
      ? undefined
      : openSignedCheckpoint(note, origin, keyring.keys("ledger")),
  )
}

/** A quorum counts for more than a size, a size for more than how lately it was said. */
function better(a: LedgerWitnessing | null, b: LedgerWitnessing): LedgerWitnessing {
  if (a === null) return b
  const [metA, metB] = [a, b].map(({ quorum }) => quorum !== "not-met")
  if (metA !== metB) return metA === true ? a : b
  if (a.covered !== b.covered) return a.covered > b.covered ? a : b
  return (a.latest_ms ?? 0) > (b.latest_ms ?? 0) ? a : b
}
