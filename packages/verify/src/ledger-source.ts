import type { SignedLeaf } from "@amc/core"
import type { ConfigFile } from "./config-check.ts"
import type { TileSource } from "./tile-check.ts"

/** A stored event: its signed leaf, and whatever else the store keeps of it in columns, which must agree. */
export interface LedgerRow extends SignedLeaf {
  readonly leafHash?: Uint8Array
  readonly lseq?: number
  readonly agent?: string
  readonly aseq?: number
  readonly session?: string | null
  readonly type?: string
  readonly ts?: number
  readonly id?: string
}

/** A ledger as the caller reads it. What it throws (`store/unavailable`) goes through: it could not look. */
export interface LedgerSource {
  lanes(): Promise<readonly string[]>
  /** The rows of a lane in order, from the first. */
  leaves(lane: string): AsyncIterable<LedgerRow>
  /** Stored bytes by digest, or null if there are none. */
  blob(sha256: string): Promise<Uint8Array | null>
  /** The signed notes of all checkpoints, in the order in which they were made. */
  checkpoints(): Promise<readonly string[]>
  /** The published tiles; without them they are not looked at. */
  readonly tiles?: TileSource
  /** The config files. Asked for after the leaves: a file is written before its change is recorded. */
  configs(): Promise<readonly ConfigFile[]>
}
