import type { AmcError } from "@amc/core"
import type { Lease, LeaseBook } from "./lease.ts"

/** What moves bytes until one side is done, or until it is closed. */
export interface OpenConnection {
  /** Gives the fault that it was ended for, if there was one. */
  run(): Promise<AmcError | null>
  close(): void
}

/** The connections that are open, each until its lease is revoked or the proxy closes. */
export class OpenConnections {
  readonly #leases: LeaseBook
  readonly #open = new Set<OpenConnection>()
  #isClosing = false

  constructor(leases: LeaseBook) {
    this.#leases = leases
  }

  /** Whether a connection with this lease may still begin. */
  takes(lease: Lease): boolean {
    return !this.#isClosing && this.#leases.holds(lease)
  }

  /** Runs a connection to its end. */
  async run(one: OpenConnection, lease: Lease): Promise<AmcError | null> {
    this.#open.add(one)
    const ended = one.run()
    const forget = this.#leases.onRevoked(lease, () => one.close())
    try {
      if (this.#isClosing) one.close()
      return await ended
    } finally {
      forget()
      this.#open.delete(one)
    }
  }

  /** Closes what is open, and whatever is opened from now on. */
  close(): void {
    this.#isClosing = true
    for (const one of this.#open) one.close()
  }
}
