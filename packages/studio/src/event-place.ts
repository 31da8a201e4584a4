import {
  AmcError,
  eventHash,
  type Finding,
  isFault,
  type Keyring,
  openReceipt,
  type Receipt,
  rejected,
  type Verdict,
} from "@amc/core"
import type { EventRow } from "@amc/ledger"
import type { SqliteLedger } from "@amc/store-sqlite"
import { keyFindings } from "@amc/verify"
import type { Workspace } from "./workspace.ts"

/** An event as somebody names it: its place in the lane, its hash, or a receipt of it. */
export type NamedEvent =
  | { readonly lseq: number }
  | { readonly eventHash: string }
  | { readonly receipt: string }

/** Reads what somebody names an event by: a number, 64 hexadecimal digits, else the text of a receipt. */
export function parseEventName(text: string): NamedEvent {
  const name = text.trim()
  if (/^\d{1,15}$/u.test(name)) return { lseq: Number(name) }
  const hash = /^(?:sha256:)?([0-9a-f]{64})$/u.exec(name)?.[1]
  return hash === undefined ? { receipt: name } : { eventHash: hash }
}

/** An event in the store, with the receipt that named it. */
export interface FoundEvent {
  readonly row: EventRow
  readonly receipt: { readonly text: string; readonly content: Receipt } | null
}

/**
 * The stored event of a name; rejected if a receipt that the monitor signed names an event that is not there.
 *
 * @throws {@link AmcError} `ledger/no-event` if there is none; `input/malformed` for a receipt that it did not sign
 */
export async function findEvent(
  { lane, keyring, origin }: Workspace,
  { events }: SqliteLedger,
  name: NamedEvent,
): Promise<Verdict<FoundEvent>> {
  if ("receipt" in name) {
    const content = openOwnReceipt(name.receipt, keyring, origin)
    const row = await rowAt(events, content.lane, content.lseq)
    if (row === null || eventHash(row.leaf) !== content.event_hash)
      return rejected(brokenPromise(content, keyring))
    return { accepted: true, value: { row, receipt: { text: name.receipt, content } } }
  }
  const row =
    "lseq" in name
      ? await rowAt(events, lane, name.lseq)
      : ((await events.findEvent(name.eventHash))?.row ?? null)
  if (row !== null) return { accepted: true, value: { row, receipt: null } }
  const what = "lseq" in name ? `number ${name.lseq}` : `hash ${name.eventHash}`
  throw new AmcError("ledger/no-event", `the ledger has no event with the ${what}`, {
    hint: "see 'amc ledger tail'",
  })
}

/** Whoever stole a key could sign receipts of what never was: then nothing is shown by one. */
function brokenPromise({ kid, lane, lseq, ts }: Receipt, keyring: Keyring): Finding {
  const place = { lane, index: lseq, ts }
  const use = { role: "monitor", signedBy: new Set([kid]), place, subject: "receipt" } as const
  const [flaw] = keyFindings(keyring, use)
  if (flaw !== undefined) return flaw
  const detail =
    "the monitor promised this event, and it is not there: the ledger was cut short or changed"
  return {
    code: "receipt/event-gone",
    subject: `event ${lseq} of lane ${lane}`,
    detail,
    tampered: true,
  }
}

function openOwnReceipt(text: string, keyring: Keyring, origin: string): Receipt {
  try {
    const receipt = openReceipt(text, keyring.keys("monitor"))
    if (receipt.origin === origin) return receipt
    throw new AmcError("input/malformed", `the receipt is of the ledger ${receipt.origin}`)
  } catch (cause) {
    if (!isFault(cause)) throw cause
    const hint = "give an event's number, its hash, or the text of an x-amc-receipt header"
    throw new AmcError(cause.code, cause.message, { cause, hint })
  }
}

async function rowAt(
  events: SqliteLedger["events"],
  lane: string,
  lseq: number,
): Promise<EventRow | null> {
  for await (const row of events.read(lane, lseq, lseq)) return row
  return null
}
