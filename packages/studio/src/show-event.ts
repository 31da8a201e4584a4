import {
  type Event,
  eventHash,
  isSignedBy,
  type KeyFlaw,
  parseEvent,
  type SignedLeaf,
  type Verdict,
} from "@amc/core"
import { readPublished } from "@amc/ledger"
import type { SqliteLedger } from "@amc/store-sqlite"
import { findEvent, type FoundEvent, type NamedEvent } from "./event-place.ts"
import { withLedger } from "./ledger-reader.ts"
import { tileStoreOf } from "./tile-folder.ts"
import type { Workspace } from "./workspace.ts"

/** One event with what its own bytes tell of it; its place in the chain is for `amc verify`. */
export interface ShownEvent {
  readonly event_hash: string
  readonly event: Event
  /** Whether a monitor key that the root certified for this place signed it. */
  readonly signature: "valid" | "invalid" | KeyFlaw
  /** Whether the published checkpoint covers it. */
  readonly covered: boolean
  /** How many of its payload's bytes are stored; null if none are. */
  readonly stored_bytes: number | null
  /** The event that says that its payload was let go; whether it might is for `amc verify` to say. */
  readonly pruned_by: string | null
}

/** Looks up one event; rejected if it was promised and is gone. @throws {@link AmcError} as {@link findEvent} */
export async function showEvent(
  workspace: Workspace,
  name: NamedEvent,
): Promise<Verdict<ShownEvent>> {
  return withLedger(workspace, async (ledger) => {
    const found = await findEvent(workspace, ledger, name)
    return found.accepted
      ? { accepted: true, value: await shownOf(workspace, ledger, found.value) }
      : found
  })
}

async function shownOf(
  workspace: Workspace,
  ledger: SqliteLedger,
  { row }: FoundEvent,
): Promise<ShownEvent> {
  const event = parseEvent(row.leaf)
  const blob = event.payload?.blob_sha256 ?? null
  const bytes = blob === null ? null : await ledger.blobs.get(blob)
  const published = await readPublished(tileStoreOf(workspace))
  return {
    event_hash: eventHash(row.leaf),
    event,
    signature: signatureOf(workspace, row, event),
    covered: row.lseq < (published?.size ?? 0),
    stored_bytes: bytes?.length ?? null,
    pruned_by: blob === null ? null : await prunedBy(ledger, event.lane, row.lseq),
  }
}

async function prunedBy(
  { events }: SqliteLedger,
  lane: string,
  lseq: number,
): Promise<string | null> {
  for await (const { leaf } of events.readType(lane, "payload_prune")) {
    const prune = parseEvent(leaf)
    if (prune.type === "payload_prune" && prune.facts.measured.events.includes(lseq))
      return eventHash(leaf)
  }
  return null
}

function signatureOf(
  { keyring }: Workspace,
  row: SignedLeaf,
  { kid, lane, lseq: index, ts }: Event,
): ShownEvent["signature"] {
  const key = keyring.keys("monitor").get(kid)
  if (key === undefined) return "uncertified"
  if (!isSignedBy(row, key)) return "invalid"
  return keyring.flawOf("monitor", kid, { lane, index, ts }) ?? "valid"
}
