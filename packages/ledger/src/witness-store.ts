/** What a witness holds of one log. */
export interface WitnessedCheckpoint {
  readonly origin: string
  readonly size: number
  /** The text of the largest checkpoint that it cosigned, with the log's verified signatures: a signed note. */
  readonly note: string
  /** Seconds since 1970 of its last cosignature. */
  readonly time: number
}

/** Two notes by a log's own key that can't both be true, or one that was not shown to continue the other. */
export interface Contradiction {
  readonly origin: string
  /** `fork`: one size and two roots, which proves that the log lied. `inconsistent`: the proof did not hold. */
  readonly kind: "fork" | "inconsistent"
  /** What the witness had cosigned. */
  readonly kept: string
  /** What it was asked to cosign. */
  readonly sent: string
  readonly atMs: number
}

/** Contradictions of one kind and log that are kept; of forks the first ones, of the others the last ones. */
export const contradictionsMax = 100

/**
 * What a witness must never forget. A store is trusted: whoever can put an older one back can make the
 * witness sign twice, so that a witness that lost its store needs a new key.
 *
 * Every method throws {@link AmcError} `store/unavailable` if the medium fails.
 */
export interface WitnessStore {
  latest(origin: string): Promise<WitnessedCheckpoint | null>
  /**
   * Puts `next` in the place of `expected`, the exact value that was read (null for none), in one durable
   * step: when this resolves with true it survives a power cut. False if another one came first; then
   * nothing was written.
   */
  swap(expected: WitnessedCheckpoint | null, next: WitnessedCheckpoint): Promise<boolean>
  /** Keeps a contradiction, each pair of notes once, within {@link contradictionsMax}. */
  keep(contradiction: Contradiction): Promise<void>
  contradictions(origin: string): Promise<readonly Contradiction[]>
  close(): Promise<void>
}
