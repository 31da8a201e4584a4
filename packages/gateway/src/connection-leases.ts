import type { Door, Lease, LeaseBook } from "./lease.ts"

/**
 * The leases that connections came with. A client presents the same token with each request, and looking
 * one up by its digest takes longer than seeing that it is the last one again.
 */
export class ConnectionLeases {
  readonly #leases: LeaseBook
  readonly #last = new WeakMap<object, { readonly token: string; readonly lease: Lease }>()

  constructor(leases: LeaseBook) {
    this.#leases = leases
  }

  /**
   * The lease that a token stands for, if it counts here and now.
   *
   * @throws {@link AmcError} as {@link LeaseBook.find}
   */
  find(connection: object, token: string, door: Door): Lease {
    const last = this.#last.get(connection)
    if (last?.token === token) return this.#leases.require(last.lease, door)
    const lease = this.#leases.find(token, door)
    this.#last.set(connection, { token, lease })
    return lease
  }
}
