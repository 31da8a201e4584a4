import { AmcError } from "@amc/core"
import type { EgressLimits } from "./egress-limits.ts"
import type { Lease, LeaseBook } from "./lease.ts"

interface Account {
  open: number
  connections: number
  bytes: number
}

/** One connection on its lease's account. */
export interface AccountedConnection {
  /** Counts bytes of either direction. False once the lease has ended or has moved all that it may. */
  take(bytes: number): "ok" | "limit" | "lease-ended"
  end(): void
}

/** What the connections of each lease have used up. */
export class EgressAccounts {
  readonly #accounts = new Map<string, Account>()
  readonly #leases: LeaseBook
  readonly #limits: EgressLimits

  constructor(leases: LeaseBook, limits: EgressLimits) {
    this.#leases = leases
    this.#limits = limits
  }

  /**
   * Counts a connection on its lease. End it.
   *
   * @throws {@link AmcError} `egress/busy`, `egress/connection-limit`, `egress/byte-limit`
   */
  open(lease: Lease): AccountedConnection {
    const account = this.#accounts.get(lease.id) ?? { open: 0, connections: 0, bytes: 0 }
    const { openPerLease, connectionsPerLease, bytesPerLease } = this.#limits
    if (account.connections >= connectionsPerLease)
      throw new AmcError(
        "egress/connection-limit",
        `the session may make ${connectionsPerLease} connections`,
      )
    if (account.bytes >= bytesPerLease) throw byteLimit(bytesPerLease)
    if (account.open >= openPerLease)
      throw new AmcError("egress/busy", `the session may have ${openPerLease} connections at once`)
    this.#accounts.set(lease.id, account)
    account.open++
    account.connections++
    let hasEnded = false
    return {
      take: (bytes) => {
        account.bytes += bytes
        if (account.bytes > bytesPerLease) return "limit"
        return this.#leases.holds(lease) ? "ok" : "lease-ended"
      },
      end: () => {
        if (!hasEnded) account.open--
        hasEnded = true
      },
    }
  }
}

export function byteLimit(most: number): AmcError {
  return new AmcError("egress/byte-limit", `the session's connections may move ${most} bytes`)
}
