import { encodeProofExtra, encodeTlogProof, hashLeaf, toHex, utf8, type Verdict } from "@amc/core"
import { type PublishedCheckpoint, readPublished, TileReader } from "@amc/ledger"
import type { SqliteLedger } from "@amc/store-sqlite"
import { readTrustFiles } from "@amc/vault"
import { type EventProofSummary, verifyEventProof } from "@amc/verify"
import { findEvent, type FoundEvent, type NamedEvent } from "./event-place.ts"
import { withLedger } from "./ledger-reader.ts"
import { fullestNote } from "./published-note.ts"
import { tileStoreOf } from "./tile-folder.ts"
import type { Workspace } from "./workspace.ts"

/** A proof of an event, verified as a stranger would verify it. */
export interface ProvenEvent {
  readonly proof: string
  readonly summary: EventProofSummary
}

/**
 * Proves from the published tiles that an event is in the tree of the newest published checkpoint. What can't be
 * verified is not handed out.
 *
 * @throws {@link AmcError} as {@link findEvent}; `store/damaged` if a tile is missing
 */
export async function proveEvent(
  workspace: Workspace,
  name: NamedEvent,
  nowMs: number,
): Promise<Verdict<ProvenEvent>> {
  return withLedger(workspace, async (ledger) => {
    const event = await findEvent(workspace, ledger, name)
    if (!event.accepted) return event
    const found = event.value
    const published = await readPublished(tileStoreOf(workspace))
    if (published === null || found.row.lseq >= published.size) return notCovered(found, published)
    const proof = await buildProof(workspace, ledger, { found, published })
    return verified(workspace, proof, nowMs)
  })
}

interface Covered {
  readonly found: FoundEvent
  readonly published: PublishedCheckpoint
}

async function buildProof(
  workspace: Workspace,
  ledger: SqliteLedger,
  { found: { row, receipt }, published }: Covered,
): Promise<string> {
  // With one lane the index in the tree is the place in the lane.
  const path = await new TileReader(tileStoreOf(workspace), published.size).inclusion(row.lseq)
  const { roots, revocations, certificates } = readTrustFiles(workspace.dir)
  const brought = {
    leaf: row.leaf,
    signature: row.signature,
    receipt: receipt?.text ?? null,
    roots,
    revocations,
    certificates,
  }
  return encodeTlogProof({
    index: row.lseq,
    path,
    checkpoint: await fullestNote(workspace, ledger, published),
    extra: encodeProofExtra(brought),
  })
}

function verified({ rootSha256 }: Workspace, proof: string, nowMs: number): Verdict<ProvenEvent> {
  const trust = { rootSha256, atMs: nowMs }
  const verdict = verifyEventProof(utf8(proof), { trust })
  return verdict.accepted
    ? { accepted: true, value: { proof, summary: verdict.value.summary } }
    : verdict
}

function notCovered(
  { row }: FoundEvent,
  published: PublishedCheckpoint | null,
): Verdict<ProvenEvent> {
  const covered = published?.size ?? 0
  const detail = `it is stored and signed, and the published checkpoint covers the ${covered} events before it only: until one covers it, its receipt is a promise`
  const subject = `event ${row.lseq} (${toHex(hashLeaf(row.leaf))})`
  return {
    accepted: false,
    findings: [{ code: "ledger/not-covered", subject, detail, tampered: false }],
  }
}
