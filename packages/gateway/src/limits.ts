/** What the gateway takes at most. Sizes in bytes, times in milliseconds. */
export interface GatewayLimits {
  /** A longer request body is refused with 413 and not forwarded. */
  readonly requestBytes: number
  /** What the bodies of one lease's requests may have together, so that no session fills the disk. */
  readonly leaseBytes: number
  /** A longer request body is forwarded and not stored, only its digest. */
  readonly storedRequestBytes: number
  /** A longer body lies in a file instead of in memory. */
  readonly memoryBytes: number
  /** A longer answer is streamed, and its receipt fetched instead of sent in the headers. */
  readonly heldBytes: number
  /** A longer answer is not stored, only its digest. */
  readonly storedResponseBytes: number
  /** How much of a refused body is read on, so that the client sees the refusal and not a reset. */
  readonly drainBytes: number
  /** Of an answer that came in a content coding, this much is decoded. */
  readonly decodedBytes: number
  /** Request headers, and the headers of an answer. */
  readonly headerBytes: number
  /** Connections of clients, for each listener. */
  readonly connections: number
  /** Connections of one lease. */
  readonly connectionsPerLease: number
  /** Connections to each provider; further calls wait. */
  readonly upstreamConnections: number
  /** Receipts that can be fetched; the oldest calls make room. */
  readonly receipts: number
  /** Audits of one kind about one agent in a minute; further ones are counted. */
  readonly auditsPerMinute: number
  /** Until a request is there in full. */
  readonly requestMs: number
  readonly connectMs: number
  /** From the request's end to the answer's headers. */
  readonly headersMs: number
  /** Between two pieces of an answer. */
  readonly idleMs: number
  /** From forwarding to the answer's end. */
  readonly totalMs: number
}

const KiB = 1024
const MiB = 1024 * KiB
const minute = 60_000

export const defaultLimits: GatewayLimits = {
  requestBytes: 64 * MiB,
  leaseBytes: 256 * MiB,
  storedRequestBytes: 8 * MiB,
  memoryBytes: 256 * KiB,
  heldBytes: 64 * KiB,
  storedResponseBytes: MiB,
  drainBytes: 256 * MiB,
  decodedBytes: 64 * MiB,
  headerBytes: 64 * KiB,
  connections: 512,
  connectionsPerLease: 128,
  upstreamConnections: 256,
  receipts: 4096,
  auditsPerMinute: 30,
  requestMs: 5 * minute,
  connectMs: 10_000,
  headersMs: 10 * minute,
  idleMs: 5 * minute,
  totalMs: 60 * minute,
}
