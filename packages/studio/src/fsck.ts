import { isFault, type Verdict } from "@amc/core"
import {
  checkpointPath,
  readPublished,
  type TileTerms,
  TileWriter,
  writeMissingTiles,
} from "@amc/ledger"
import { lockLane, type SqliteLedger } from "@amc/store-sqlite"
import {
  FindingList,
  openSignedCheckpoint,
  type PayloadSummary,
  type TiledLedger,
  type TreeSummary,
  verifyPayloads,
  verifyTiles,
} from "@amc/verify"
import { withLedger } from "./ledger-reader.ts"
import { ledgerDir } from "./recorder-thread.ts"
import { readSeen, seenFindings } from "./seen-ledger.ts"
import { tileStoreOf } from "./tile-folder.ts"
import type { Workspace } from "./workspace.ts"

export interface FsckTerms {
  /** Write the tiles that are missing, before they are compared. Nothing that is there is changed. */
  readonly rebuilds: boolean
  readonly clock: () => number
  readonly progress: (text: string) => void
}

/** What was compared, and written before. */
export interface FsckSummary extends TreeSummary, PayloadSummary {
  /** How many events there are that the published checkpoint does not cover. */
  readonly behind: number
}

/** A verdict with what was written, which is so whatever the verdict. */
export interface FsckResult {
  readonly written: readonly string[]
  readonly verdict: Verdict<FsckSummary>
}

/**
 * Compares a ledger's tree with its tiles and checkpoints, and with what this machine has seen of it: each
 * leaf, tile, entry bundle and stored payload is hashed again. Works beside a running capture; writing missing tiles does not.
 *
 * @throws {@link AmcError} `store/unavailable`, `workspace/missing`; `ledger/lane-taken` where it is to write
 */
export async function fsckLedger(
  workspace: Workspace,
  { rebuilds, clock, progress }: FsckTerms,
): Promise<FsckResult> {
  const seen = readSeen(workspace)
  const written = rebuilds ? await rebuild(workspace, progress) : []
  const verdict = await withLedger(workspace, async (ledger) => {
    const compared = await verifyTiles(sourceOf(workspace, ledger), workspace, (events) =>
      progress(`${events} events compared`),
    )
    const payloads = await payloadsOf(workspace, ledger, { clock, progress })
    const findings = new FindingList()
    for (const verdict of [compared, payloads])
      if (!verdict.accepted) findings.addAll(verdict.findings)
    findings.addAll(await seenFindings(seen, ledger))
    return findings.verdict(
      compared.accepted && payloads.accepted
        ? withBehind(compared.value, payloads.value)
        : undefined,
    )
  })
  return { written, verdict }
}

function withBehind(tree: TreeSummary, payloads: PayloadSummary): FsckSummary {
  return { ...tree, ...payloads, behind: tree.events - (tree.published ?? 0) }
}

function payloadsOf(
  { keyring }: Workspace,
  { events, blobs }: SqliteLedger,
  { clock, progress }: Pick<FsckTerms, "clock" | "progress">,
): Promise<Verdict<PayloadSummary>> {
  const source = {
    lanes: () => events.lanes(),
    leaves: (lane: string) => events.read(lane, 0),
    blob: (sha256: string) => blobs.get(sha256),
  }
  return verifyPayloads(source, { keyring, atMs: clock() }, (rows) =>
    progress(`payloads of ${rows} events looked for`),
  )
}

function sourceOf(workspace: Workspace, { events }: SqliteLedger): TiledLedger {
  return {
    lanes: () => events.lanes(),
    leaves: (lane) => events.read(lane, 0),
    checkpoints: async () => (await events.checkpoints()).map(({ note }) => note),
    tiles: tileStoreOf(workspace),
  }
}

/** Nobody else writes tiles while the lane is held. */
async function rebuild(
  workspace: Workspace,
  progress: FsckTerms["progress"],
): Promise<readonly string[]> {
  const lock = await lockLane(ledgerDir(workspace), workspace.lane)
  try {
    progress("writing missing tiles")
    return await withLedger(workspace, (ledger) => writeTree(workspace, ledger))
  } finally {
    lock.release()
  }
}

/** Publishes what the newest checkpoint that is kept or published covers. */
async function writeTree(
  workspace: Workspace,
  { events }: SqliteLedger,
): Promise<readonly string[]> {
  const { lane } = workspace
  const tiles = tileStoreOf(workspace)
  const published = await orNull(() => readPublished(tiles))
  const kept = await events.latestCheckpoint()
  const stored = ((await events.head(lane))?.lseq ?? -1) + 1
  const size = Math.min(stored, Math.max(published?.size ?? 0, kept?.size ?? 0))
  const terms = { events, tiles, lane }
  const written = await writeMissingTiles(terms, size)
  if (kept === null || kept.size <= (published?.size ?? -1)) return written
  const isPublished = await orNull(() => publish(workspace, terms, kept.note))
  return isPublished === null ? written : [...written, checkpointPath]
}

/** Only what the ledger's own key signed is put where others look for it. */
async function publish(
  { origin, keyring }: Workspace,
  terms: TileTerms,
  note: string,
): Promise<true> {
  const checkpoint = openSignedCheckpoint(note, origin, keyring.keys("ledger"))
  await new TileWriter(terms).publish(checkpoint, note)
  return true
}

/** The comparison that follows names what is wrong; here it only means that there is nothing to build on. */
async function orNull<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read()
  } catch (error) {
    if (isFault(error) && error.code !== "store/unavailable") return null
    throw error
  }
}
