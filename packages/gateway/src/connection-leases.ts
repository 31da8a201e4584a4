import type { Socket } from "node:net"
import { AmcError } from "@amc/core"
import type { Door, Lease, LeaseBook } from "./lease.ts"

interface Shown {
  token: string
  lease: Lease
}

/**
 * The leases that connections came with. A client presents the same token with each request, and looking
 * one up by its digest takes longer than seeing that it is the last one again.
 *
 * No lease has more than so many connections: they are shared by all agents, and so are those to the providers.
 */
export class ConnectionLeases {
  readonly #leases: LeaseBook
  readonly #mostPerLease: number
  readonly #last = new WeakMap<Socket, Shown>()
  readonly #counts = new Map<string, number>()

  constructor(leases: LeaseBook, mostPerLease: number) {
    this.#leases = leases
    this.#mostPerLease = mostPerLease
  }

  /**
   * The lease that a token stands for, if it counts here and now.
   *
   * @throws {@link AmcError} as {@link LeaseBook.find}; `gateway/rate-limit`
   */
  find(connection: Socket, token: string, door: Door): Lease {
    const last = this.#last.get(connection)
    if (last?.token === token) return this.#leases.require(last.lease, door)
    const lease = this.#leases.find(token, door)
    if (last?.lease.id !== lease.id) this.#count(lease)
    if (last === undefined) this.#watch(connection, { token, lease })
    else this.#change(last, { token, lease })
    return lease
  }

  /** The lease that a connection showed last. */
  shownBy(connection: Socket): Lease | null {
    return this.#last.get(connection)?.lease ?? null
  }

  /** Whether a connection has shown a lease. */
  has(connection: Socket): boolean {
    return this.#last.has(connection)
  }

  #count({ id }: Lease): void {
    const count = this.#counts.get(id) ?? 0
    if (count >= this.#mostPerLease)
      throw new AmcError(
        "gateway/rate-limit",
        `a lease may have ${this.#mostPerLease} connections at once`,
        { hint: "let connections carry one call after another" },
      )
    this.#counts.set(id, count + 1)
  }

  #watch(connection: Socket, shown: Shown): void {
    this.#last.set(connection, shown)
    // One that is gone already says so no more.
    if (connection.closed) this.#leave(shown.lease)
    else connection.once("close", () => this.#leave(shown.lease))
  }

  #change(shown: Shown, { token, lease }: Shown): void {
    if (shown.lease.id !== lease.id) this.#leave(shown.lease)
    shown.token = token
    shown.lease = lease
  }

  #leave({ id }: Lease): void {
    const count = (this.#counts.get(id) ?? 1) - 1
    if (count === 0) this.#counts.delete(id)
    else this.#counts.set(id, count)
  }
}
