import { AmcError } from "@amc/core"
import type { Lease } from "./lease.ts"
import { type Target, unknownRoute } from "./target.ts"

/** The receipts of one call. The response's is null until its event is durable. */
export interface CallReceipts {
  readonly request: string | null
  readonly response: string | null
}

/** The receipts of the latest calls, each for the lease that made the call. */
export class ReceiptShelf {
  readonly #calls = new Map<string, CallReceipts & { readonly leaseId: string }>()
  /** The calls by when they came, in a circle. */
  readonly #ids: string[] = []
  #next = 0
  readonly #most: number

  constructor(most: number) {
    this.#most = most
  }

  /** Puts a call's receipts there, in place of what was there of that call. */
  put(callId: string, leaseId: string, receipts: CallReceipts): void {
    if (!this.#calls.has(callId)) this.#forgetOldest(callId)
    this.#calls.set(callId, { leaseId, ...receipts })
  }

  #forgetOldest(callId: string): void {
    const oldest = this.#ids[this.#next]
    if (oldest !== undefined) this.#calls.delete(oldest)
    this.#ids[this.#next] = callId
    this.#next = (this.#next + 1) % this.#most
  }

  /** A call's receipts, or null if it was not made with this lease or is too long ago. */
  find(callId: string, leaseId: string): CallReceipts | null {
    const found = this.#calls.get(callId)
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
