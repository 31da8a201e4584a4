import {
  type Observation,
  type Recorded,
  receiptText,
  signCommit,
  type Signer,
  spellReceipt,
} from "@amc/core"
import type { EventRow } from "./event-store.ts"
import type { PlacedEvent } from "./lane-chain.ts"
import { receiptOf } from "./receipt-mint.ts"

/** An event that is to become durable, and who handed it in: nobody, where the writer itself has to say it. */
export interface PlacedEntry {
  readonly placed: PlacedEvent
  readonly entry: { readonly observation: Observation } | null
}

/** What goes into the store, and what is told of it when it is there: `null` where nobody waits. */
export interface CommitToStore {
  readonly rows: readonly EventRow[]
  readonly recorded: readonly (Recorded | null)[]
}

/**
 * Signs events and their receipts, all with one signature. The receipts are promises of what is not yet durable: none may
 * be handed out before it is.
 */
export function signTogether(
  events: readonly PlacedEntry[],
  {
    lane,
    origin,
    signer,
  }: { readonly lane: string; readonly origin: string; readonly signer: Signer },
): CommitToStore {
  const told = events.map(({ placed: { row, eventHash }, entry }) => {
    if (entry === null) return null
    const { lseq, aseq, ts } = row
    const place = { event_hash: eventHash, lane, lseq, aseq, ts }
    const receipt = receiptOf({ observation: entry.observation, place }, origin, signer.key.kid)
    return { place, receipt: receipt === null ? null : spellReceipt(receipt) }
  })
  const promised = told.flatMap((one) => one?.receipt?.leafHash ?? [])
  const signatures = signCommit(
    [...events.map(({ placed }) => placed.row.leafHash), ...promised],
    signer,
  )
  let index = events.length
  return {
    rows: events.map(({ placed: { row } }, at) => ({ ...row, signature: signatures[at] ?? "" })),
    recorded: told.map((one) => {
      if (one === null) return null
      const { place, receipt } = one
      return { ...place, receipt: receipt && receiptText(receipt.text, signatures[index++] ?? "") }
    }),
  }
}
