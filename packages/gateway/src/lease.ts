import { hash, timingSafeEqual } from "node:crypto"
import { AmcError, type Facts, systemAgent } from "@amc/core"
import type { HeldAllowlist } from "./held-allowlist.ts"
import type { HeldPolicy } from "./held-policy.ts"

/**
 * The way a request came in: the socket of one run, or a port that many may reach, which is on the loopback unless the
 * owner opened it to a network.
 */
export type Ingress = "run-socket" | "loopback"

export interface LeaseTerms {
  /** All that is done with the lease is on this agent's account. */
  readonly agent: string
  /** Null for a lease of no one session: its sessions are opened as calls come. */
  readonly session: string | null
  /** The provider routes that it opens. */
  readonly providers: readonly string[]
  readonly ingress: Ingress
  readonly ttlMs: number
  readonly maxCalls?: number
  /** What a call has to satisfy, all of it; nothing if left out. */
  readonly policies?: readonly HeldPolicy[]
  /** What narrows where its connections may go; nothing if left out. */
  readonly allowlists?: readonly HeldAllowlist[]
}

export interface Lease extends Omit<LeaseTerms, "ttlMs" | "maxCalls" | "policies" | "allowlists"> {
  /** SHA-256 of the token in hex: names the lease and gives nothing away. */
  readonly id: string
  readonly expiresMs: number
  readonly maxCalls: number | null
  readonly policies: readonly HeldPolicy[]
  readonly allowlists: readonly HeldAllowlist[]
}

/** A lease as its owner sees it. */
export interface ListedLease extends Lease {
  readonly calls: number
  readonly bytes: number
}

/** Where a token was presented. A listener of one session takes only that session's leases. */
export interface Door {
  readonly ingress: Ingress
  readonly session: string | null
}

export const leasePrefix = "amc-lease-"
const day = 86_400_000

/** Why a lease counts no more. */
export type LeaseEnd = "gateway/lease-expired" | "gateway/lease-revoked"

interface Entry {
  readonly lease: Lease
  readonly digest: Buffer
  calls: number
  bytes: number
  isRevoked: boolean
  /** What ends the calls under way. */
  readonly cuts: Cut[]
}

/**
 * Ends a call, and knows its place in the list. A Set would do, but V8 rebuilds one that turns over, and each table that it
 * leaves points to the next: once one is old, a collection of young objects keeps all calls since.
 */
interface Cut {
  at: number
  readonly run: () => void
}

/**
 * The leases that are good here. An agent gets one instead of the provider's key; it says whose
 * traffic this is, whatever else a request claims.
 *
 * Tokens are not kept, only their SHA-256. Nothing survives a restart.
 */
export class LeaseBook {
  readonly #entries = new Map<string, Entry>()
  readonly #random: (size: number) => Uint8Array
  readonly #clock: () => number

  /** `random` must be a cryptographic source. */
  constructor(random: (size: number) => Uint8Array, clock: () => number) {
    this.#random = random
    this.#clock = clock
  }

  /** Makes a lease. The token is given once and can't be had again. */
  issue(terms: LeaseTerms): { token: string; lease: Lease } {
    const { ttlMs, maxCalls = null, policies = [], allowlists = [], ...own } = terms
    this.#forgetOld()
    const token = leasePrefix + Buffer.from(this.#random(32)).toString("base64url")
    const digest = digestOf(token)
    const id = digest.toString("hex")
    const expiresMs = this.#clock() + ttlMs
    const lease = { ...own, id, expiresMs, maxCalls, policies, allowlists }
    this.#entries.set(id, { lease, digest, calls: 0, bytes: 0, isRevoked: false, cuts: [] })
    return { token, lease }
  }

  /**
   * The lease that a token stands for, if it counts here and now.
   *
   * @throws {@link AmcError} `gateway/lease-unknown`, `gateway/lease-elsewhere`, `gateway/lease-expired`,
   * `gateway/lease-revoked`
   */
  find(token: string, door: Door): Lease {
    const digest = digestOf(token)
    const entry = this.#entries.get(digest.toString("hex"))
    if (entry === undefined || !timingSafeEqual(entry.digest, digest))
      throw new AmcError("gateway/lease-unknown", "the lease is not one that was issued here")
    return this.require(entry.lease, door)
  }

  /**
   * The lease itself, if it counts here and now: for a door that says whose it is without a token.
   *
   * @throws {@link AmcError} `gateway/lease-unknown`, `gateway/lease-elsewhere`, `gateway/lease-expired`,
   * `gateway/lease-revoked`
   */
  require(lease: Lease, door: Door): Lease {
    const entry = this.#entries.get(lease.id)
    if (entry === undefined)
      throw new AmcError("gateway/lease-unknown", "the lease is not one that was issued here")
    const isElsewhere = door.session !== null && door.session !== lease.session
    if (lease.ingress !== door.ingress || isElsewhere)
      throw new AmcError("gateway/lease-elsewhere", "the lease does not count on this ingress")
    this.#requireGood(entry)
    return lease
  }

  /** Whether a lease that was found before still counts. */
  holds({ id, expiresMs }: Lease): boolean {
    return this.#entries.get(id)?.isRevoked === false && this.#clock() < expiresMs
  }

  /**
   * Counts a call on the lease.
   *
   * @throws {@link AmcError} `gateway/call-limit`
   */
  takeCall({ id }: Lease): void {
    const entry = this.#entries.get(id)
    if (entry === undefined) return
    if (entry.lease.maxCalls !== null && entry.calls >= entry.lease.maxCalls)
      throw new AmcError("gateway/call-limit", `the session may make ${entry.lease.maxCalls} calls`)
    entry.calls++
  }

  /**
   * Counts bytes of a request's body on the lease, of which `most` are allowed in all.
   *
   * @throws {@link AmcError} `gateway/byte-limit`, `gateway/lease-expired`, `gateway/lease-revoked`
   */
  takeBytes({ id }: Lease, bytes: number, most: number): void {
    const entry = this.#entries.get(id)
    if (entry === undefined) return
    this.#requireGood(entry)
    entry.bytes += bytes
    if (entry.bytes > most)
      throw new AmcError(
        "gateway/byte-limit",
        `the session's requests may have ${most} bytes together`,
      )
  }

  /** Ends a lease before its time, and the calls that are under way with it. Gives it, if it was good. */
  revoke(id: string): Lease | null {
    const entry = this.#entries.get(id)
    if (entry === undefined || entry.isRevoked) return null
    entry.isRevoked = true
    for (const { run } of entry.cuts.splice(0)) run()
    return entry.lease
  }

  /** Calls back once when the lease is revoked, at once if it counts no more. Gives what ends the waiting. */
  onRevoked(lease: Lease, cut: (why: LeaseEnd) => void): () => void {
    const entry = this.#entries.get(lease.id)
    if (entry === undefined || !this.holds(lease)) {
      cut(entry?.isRevoked === false ? "gateway/lease-expired" : "gateway/lease-revoked")
      return () => undefined
    }
    const { cuts } = entry
    const own: Cut = { at: cuts.length, run: () => cut("gateway/lease-revoked") }
    cuts.push(own)
    return () => leaveOut(cuts, own)
  }

  /**
   * On whose account it is that somebody without a good lease stands at a door. A run's own socket takes nobody in
   * but that run; anywhere else it could be anybody.
   */
  visitorAt({ ingress, session }: Door): {
    readonly agent: string
    readonly session: string | null
  } {
    const own = [...this.#entries.values()].find(({ lease }) => lease.session === session)
    if (ingress === "loopback" || session === null || own === undefined)
      return { agent: systemAgent, session: null }
    return { agent: own.lease.agent, session }
  }

  /** The leases that are good now. */
  list(): readonly ListedLease[] {
    const now = this.#clock()
    return Array.from(this.#entries.values())
      .filter(({ lease, isRevoked }) => !isRevoked && now < lease.expiresMs)
      .map(({ lease, calls, bytes }) => ({ ...lease, calls, bytes }))
  }

  #requireGood({ lease, isRevoked }: Entry): void {
    if (isRevoked) throw new AmcError("gateway/lease-revoked", "the lease was revoked")
    if (this.#clock() >= lease.expiresMs)
      throw new AmcError("gateway/lease-expired", "the lease is past its end")
  }

  /** An expired or revoked lease is still told apart from an unknown one for a day. */
  #forgetOld(): void {
    const before = this.#clock() - day
    for (const [id, { lease }] of this.#entries)
      if (lease.expiresMs < before) this.#entries.delete(id)
  }
}

/** The facts of the `lease` event, which whoever issues or revokes a lease records. */
export function leaseFacts(lease: Lease, action: "issued" | "revoked"): Facts<"lease"> {
  const { id, ingress, expiresMs } = lease
  const provider = lease.providers.join(",").slice(0, 256)
  return {
    measured: { lease_id: id, action, ingress, provider, expires_ms: expiresMs },
    reported: {},
  }
}

/** The last takes the place of the one that goes. */
function leaveOut(cuts: Cut[], cut: Cut): void {
  if (cuts[cut.at] !== cut) return
  const last = cuts.pop()
  if (last === undefined || last === cut) return
  cuts[cut.at] = last
  last.at = cut.at
}

function digestOf(token: string): Buffer {
  return hash("sha256", token, "buffer")
}
