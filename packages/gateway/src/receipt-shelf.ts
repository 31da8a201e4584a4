import { AmcError } from "@amc/core"
import type { Lease } from "./lease.ts"
import { type Target, unknownRoute } from "./target.ts"

/** The receipts of one call. The response's is null until its event is durable. */
export interface CallReceipts {
  readonly request: string | null
  readonly response: string | null
}

/** A call of which the response's receipt is told when it is there. */
export interface ShelvedCall {
  readonly callId: string
  readonly leaseId: string
  readonly request: string | null
  response: string | null
}

/** The receipts of the latest calls, each for the lease that made the call. They are seldom asked for. */
export class ReceiptShelf {
  /** By when they came, in a circle. */
  readonly #calls: ShelvedCall[] = []
  readonly #most: number
  #next = 0

  constructor(most: number) {
    this.#most = most
  }

  /** Puts a call there, in place of the oldest if there are too many. */
  put(call: ShelvedCall): void {
    this.#calls[this.#next] = call
    this.#next = (this.#next + 1) % this.#most
  }

  /** A call's receipts, or null if it was not made with this lease or is too long ago. */
  find(callId: string, leaseId: string): CallReceipts | null {
    const found = this.#calls.find((call) => call.callId === callId)
    if (found?.leaseId !== leaseId) return null
    return { request: found.request, response: found.response }
  }
}

/**
 * The receipts that a request under `/amc` asks for.
 *
 * @throws {@link AmcError} `gateway/unknown-route`, `gateway/unknown-receipt`
 */
export function receiptsAt(receipts: ReceiptShelf, lease: Lease, { rest }: Target): CallReceipts {
  const [, callId] = /^\/receipts\/([\w-]{1,64})$/.exec(rest) ?? []
  if (callId === undefined) throw unknownRoute()
  const found = receipts.find(callId, lease.id)
  if (found === null)
    throw new AmcError("gateway/unknown-receipt", "no receipt of that id belongs to this lease")
  return found
}
