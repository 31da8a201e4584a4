/** What the egress proxy takes at most. Sizes in bytes, times in milliseconds. */
export interface EgressLimits {
  readonly headerBytes: number
  /** Connections of clients, for each listener. */
  readonly connections: number
  /** Connections of one lease at once, lookups and dials included. */
  readonly openPerLease: number
  /** Connections of one lease in all, so that no session fills the ledger. */
  readonly connectionsPerLease: number
  /** What the connections of one lease may move together, both ways. */
  readonly bytesPerLease: number
  /** Lookups at once: each holds a thread of Node's pool, which the file system needs too. */
  readonly lookups: number
  /** For so long an answer counts for further connections. */
  readonly lookupKeptMs: number
  /** Lookups that wait for their turn. */
  readonly lookupsWaiting: number
  /** What is read of a tunnel before its ClientHello must be whole. */
  readonly helloBytes: number
  /** How much of a refused request's body is read on. */
  readonly drainBytes: number
  /** Audits of one kind about one agent in a minute; further ones are counted. */
  readonly auditsPerMinute: number
  /** Until a request's head is there. */
  readonly headMs: number
  readonly lookupMs: number
  readonly connectMs: number
  readonly helloMs: number
  /** With no byte in either direction. */
  readonly idleMs: number
  readonly totalMs: number
  /** How often what a long connection moved is recorded. */
  readonly countEveryMs: number
}

const KiB = 1024
const GiB = KiB ** 3
const minute = 60_000

export const defaultEgressLimits: EgressLimits = {
  headerBytes: 32 * KiB,
  connections: 512,
  openPerLease: 128,
  connectionsPerLease: 20_000,
  bytesPerLease: 64 * GiB,
  lookups: 3,
  lookupKeptMs: 1000,
  lookupsWaiting: 128,
  helloBytes: 16 * KiB,
  drainBytes: 16 * KiB * KiB,
  auditsPerMinute: 30,
  headMs: 10_000,
  lookupMs: 5000,
  connectMs: 10_000,
  helloMs: 5000,
  idleMs: 5 * minute,
  totalMs: 6 * 60 * minute,
  countEveryMs: minute,
}
