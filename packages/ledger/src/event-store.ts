import type { SignedLeaf } from "@amc/core"

/** Where a lane ends. */
export interface LaneHead {
  readonly lseq: number
  readonly event_hash: string
  readonly ts: number
}

/** Where one agent's chain ends in a lane. */
export interface AgentHead {
  readonly agent: string
  readonly aseq: number
  readonly event_hash: string
}

/** One stored event: its exact bytes with their signature, and those of its members that events are looked up by. */
export interface EventRow extends SignedLeaf {
  readonly lseq: number
  readonly leafHash: Uint8Array
  readonly agent: string
  readonly aseq: number
  readonly session: string | null
  readonly type: string
  readonly ts: number
  readonly id: string
}

/** A payload small enough to travel in the transaction of its event. */
export interface InlineBlob {
  readonly sha256: string
  readonly bytes: Uint8Array
}

/** A checkpoint as the notary signed it. */
export interface SignedCheckpoint {
  readonly size: number
  readonly note: string
}

/** Payloads up to this size are written in the same transaction as their event. */
export const inlineBlobMax: number = 256 * 1024

/**
 * Where a ledger keeps its events. The store knows bytes and order; it knows no keys.
 *
 * A store is trusted for durability, not for integrity: whoever concludes something from what it
 * returns checks hashes, chain and signatures. Every method throws {@link AmcError}
 * `store/unavailable` if the medium fails (busy, full, read-only, broken), or once it was closed. It keeps copies of
 * what it is given, and the caller may change what it gives. Iterators read page by page: they hold neither the
 * whole lane in memory nor a lock, and may see what is appended meanwhile.
 */
export interface EventStore {
  head(lane: string): Promise<LaneHead | null>
  agentHeads(lane: string): Promise<readonly AgentHead[]>
  lanes(): Promise<readonly string[]>

  /**
   * Appends rows and blobs in one durable transaction, if the lane still ends in `expectedHead`, the
   * event hash of its last event (`null` for an empty lane). Either all of it is there or nothing.
   *
   * @throws {@link AmcError} `store/conflict` if the lane has another head, a row's place is taken, or its id is
   * not greater than the one before it, by which no id comes twice.
   */
  append(
    lane: string,
    expectedHead: string | null,
    rows: readonly EventRow[],
    blobs: readonly InlineBlob[],
  ): Promise<void>

  /** Events of a lane in order, from `fromLseq` up to and including `toLseq`. */
  read(lane: string, fromLseq: number, toLseq?: number): AsyncIterable<EventRow>
  /** Events of one agent in a lane, in order. */
  readAgent(lane: string, agent: string, fromAseq: number): AsyncIterable<EventRow>
  /** Events of one session in a lane, in order. */
  readSession(lane: string, session: string): AsyncIterable<EventRow>
  /** Events of one type in a lane, in order. */
  readType(lane: string, type: string): AsyncIterable<EventRow>
  /** Leaf hashes of a lane in order, without reading the leaves. */
  leafHashes(lane: string, fromLseq: number): AsyncIterable<Uint8Array>
  /** Looks through the leaf hashes of all lanes; a receipt names lane and `lseq`, which is faster. */
  findEvent(eventHash: string): Promise<{ readonly lane: string; readonly row: EventRow } | null>

  /** Keeps a signed checkpoint. A second one of the same size is kept beside the first. */
  saveCheckpoint(size: number, note: string): Promise<void>
  latestCheckpoint(): Promise<SignedCheckpoint | null>
  /** All checkpoints by size, then in the order in which they were saved. */
  checkpoints(): Promise<readonly SignedCheckpoint[]>

  /** Gives back what it holds. To close it again does nothing; others that have the same ledger open go on. */
  close(): Promise<void>
}
