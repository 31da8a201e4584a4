import type { Channel } from "./channel.ts"
import type { Facts, FactType } from "./facts.ts"

/** The bytes that an event speaks of. `sha256` and `size` are of what was delivered. */
export interface ObservedPayload {
  readonly sha256: string
  readonly size: number
  readonly media: string
  /** What is stored: the (redacted) bytes, a spooled file that the recorder takes over, or nothing. */
  readonly blob: Uint8Array | { readonly path: string } | null
  /** Whether the blob's bytes are those that `sha256` was made of: the recorder then makes no digest of its own. */
  readonly isAsDelivered?: boolean
}

/** Asks for a receipt of the event; `body_sha256` is the payload's digest. */
export interface ReceiptTerms {
  readonly kind: "llm_request" | "llm_response"
  readonly receipt_id: string
  readonly provider: string
  readonly model: string
}

/** What a part of the monitor saw, before it has a place in the ledger. */
export interface ObservationOf<T extends FactType> {
  readonly type: T
  readonly channel: Channel
  /** The agent it is about, or `_system`. */
  readonly agent: string
  readonly session: string | null
  readonly facts: Facts<T>
  readonly payload?: ObservedPayload
  readonly receipt?: ReceiptTerms
}
export type Observation = { [T in FactType]: ObservationOf<T> }[FactType]

/** Where an observation came to lie. Given only after the event is durable. */
export interface Recorded {
  readonly event_hash: string
  readonly lane: string
  readonly lseq: number
  readonly aseq: number
  readonly ts: number
  /** The `x-amc-receipt` text, if one was asked for. */
  readonly receipt: string | null
}

/** Turns observations into signed, chained, durable events. */
export interface Recorder {
  /**
   * Resolves when the event is durable, never before.
   *
   * @throws {@link AmcError} `store/unavailable`, `ledger/busy`, `ledger/closed`, `input/malformed`
   */
  record(observation: Observation): Promise<Recorded>
}
