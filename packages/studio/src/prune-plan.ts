import { type Event, type Finding, isFault, type Keyring, retentionMs } from "@amc/core"
import { PruneLog } from "@amc/verify"
import type { SqliteLedger } from "@amc/store-sqlite"
import { eventOf } from "./ledger-reader.ts"
import type { RetentionPolicy } from "./retention-policy.ts"

/** A stored payload that may go, and the events that it would be gone from. */
export interface PrunablePayload {
  readonly sha256: string
  readonly bytes: number
  /** Numbers of the events that no prune has named yet; none if a crash came between a prune and the deletion. */
  readonly events: readonly number[]
}

/** What a policy lets go now. */
export interface PrunePlan {
  readonly payloads: readonly PrunablePayload[]
  /** Payloads that are old enough and that an event shares whose payload has to stay. */
  readonly shared: number
  /** Old payloads that are gone or changed and that nobody let go: they are not named, so that it shows. */
  readonly findings: readonly Finding[]
}

export interface PlanTerms {
  readonly lane: string
  readonly keyring: Keyring
  readonly policy: RetentionPolicy
  readonly nowMs: number
}

/** The writer's clock may be a little behind the command's. */
const marginMs = 60_000

interface References {
  readonly fresh: { readonly lseq: number; readonly subject: string }[]
  pruned: number
  others: number
}

/**
 * Says which stored payloads a policy lets go: those that no event names but old ones of the types in the policy.
 * Each is hashed first. Nothing is written.
 *
 * @throws {@link AmcError} `store/unavailable`, `store/damaged` for a leaf that is no event
 */
export async function planPrune(ledger: SqliteLedger, terms: PlanTerms): Promise<PrunePlan> {
  const references = await referencesOf(ledger, terms)
  const payloads: PrunablePayload[] = []
  const findings: Finding[] = []
  let shared = 0
  for (const [sha256, { fresh, pruned, others }] of references) {
    if (fresh.length + pruned === 0) continue
    if (others > 0) {
      shared++
      continue
    }
    const size = await storedSize(ledger, sha256)
    if (typeof size === "number")
      payloads.push({ sha256, bytes: size, events: fresh.map(({ lseq }) => lseq) })
    else for (const { subject } of fresh) findings.push({ ...size, subject })
  }
  return { payloads, shared, findings }
}

async function referencesOf(
  { events, blobs }: SqliteLedger,
  terms: PlanTerms,
): Promise<ReadonlyMap<string, References>> {
  const { keyring, nowMs, policy } = terms
  const prunes = new PruneLog({ keyring, atMs: nowMs, isWhole: true })
  const named: { readonly lane: string; readonly event: Event; readonly sha256: string }[] = []
  for (const lane of await events.lanes())
    for await (const row of events.read(lane, 0)) {
      const event = eventOf(row.leaf)
      const sha256 = event.payload?.blob_sha256 ?? null
      const isWord = event.type === "config_change" || event.type === "payload_prune"
      const word = isWord && sha256 !== null ? await orNull(blobs.get(sha256)) : null
      prunes.note(row, event, word, "")
      if (sha256 !== null) named.push({ lane, event, sha256 })
    }
  // The policy becomes the payload of the prune itself, should an agent have sent the same bytes.
  const references = new Map<string, References>([
    [policy.sha256, { fresh: [], pruned: 0, others: 1 }],
  ])
  for (const { lane, event, sha256 } of named) {
    const of = references.get(sha256) ?? { fresh: [], pruned: 0, others: 0 }
    references.set(sha256, of)
    if (prunes.isPruned(lane, event.lseq)) of.pruned++
    else if (lane === terms.lane && isOld(event, terms))
      of.fresh.push({ lseq: event.lseq, subject: `event ${event.lseq} of lane ${lane}` })
    else of.others++
  }
  return references
}

function isOld({ type, ts }: Event, { policy, nowMs }: PlanTerms): boolean {
  const keptMs = retentionMs(policy.config, type)
  return keptMs !== null && ts + keptMs + marginMs <= nowMs
}

/** The number of bytes that are stored under a digest, or why there are none of it. */
async function storedSize(
  { blobs }: SqliteLedger,
  sha256: string,
): Promise<number | Omit<Finding, "subject">> {
  try {
    const bytes = await blobs.get(sha256)
    if (bytes !== null) return bytes.length
    const detail = `its payload ${sha256} is not there, and no policy let it go`
    return { code: "ledger/blob-missing", detail, tampered: true }
  } catch (error) {
    if (!isFault(error, "store/damaged")) throw error
    const detail = `what is stored as payload ${sha256} are other bytes`
    return { code: "ledger/blob-contradicted", detail, tampered: true }
  }
}

async function orNull(reading: Promise<Uint8Array | null>): Promise<Uint8Array | null> {
  try {
    return await reading
  } catch (error) {
    if (isFault(error, "store/damaged")) return null
    throw error
  }
}
