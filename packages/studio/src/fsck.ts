import { type Finding, isFault, type Verdict } from "@amc/core"
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
import { inspectWorkspace } from "./inspect-workspace.ts"
import { readNotes } from "./ledger-finding.ts"
import { hasKnownLedger, withLedger } from "./ledger-reader.ts"
import { Look } from "./look.ts"
import { ledgerDir } from "./recorder-thread.ts"
import { missingLedger, readSeen, seenFindings } from "./seen-ledger.ts"
import type { StateHome } from "./state-home.ts"
import { tileStoreOf } from "./tile-folder.ts"
import { openWorkspace, type Workspace } from "./workspace.ts"

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
 * leaf, tile, entry bundle and stored payload is hashed again, and the database's indexes are compared with its rows. Works beside a running capture; writing missing tiles does not.
 *
 * What of trust and config does not hold is told as well. A part that can't be looked at does not hide what is
 * wrong with another.
 *
 * @throws {@link AmcError} `store/unavailable`, `workspace/missing` where it could not look and saw nothing wrong;
 * `ledger/lane-taken` where it is to write
 */
export async function fsckFolder(
  folder: string,
  state: StateHome,
  terms: FsckTerms,
): Promise<FsckResult> {
  // Nothing is written by keys that do not hold.
  if (terms.rebuilds) return fsckLedger(openWorkspace(folder, state, terms.clock()), terms)
  const look = new Look(new FindingList())
  const workspace = inspectWorkspace(folder, state, terms.clock(), look)
  if (workspace === undefined) return { written: [], verdict: look.verdict<FsckSummary>(undefined) }
  return { written: [], verdict: await compare(workspace, terms, look) }
}

/** {@link fsckFolder} of a workspace that is open. */
export async function fsckLedger(workspace: Workspace, terms: FsckTerms): Promise<FsckResult> {
  const written = terms.rebuilds ? await rebuild(workspace, terms.progress) : []
  return { written, verdict: await compare(workspace, terms, new Look(new FindingList())) }
}

async function compare(
  workspace: Workspace,
  { clock, progress }: FsckTerms,
  look: Look,
): Promise<Verdict<FsckSummary>> {
  const { findings } = look
  const seen = look.own("what this machine has seen", () => readSeen(workspace)) ?? null
  const isKnown = await hasKnownLedger(workspace)
  if (!isKnown) findings.addAll(missingLedger(seen, workspace))
  const tree = await lookAt(look, workspace, (ledger) =>
    verifyTiles(sourceOf(workspace, ledger, findings), workspace, (events) =>
      progress(`${events} events compared`),
    ),
  )
  if (!isKnown) return look.verdict<FsckSummary>(undefined)
  const payloads = await lookAt(look, workspace, (ledger) =>
    payloadsOf(workspace, ledger, { clock, progress }),
  )
  await look.at("ledger", () =>
    withLedger(workspace, async (ledger) => findings.addAll(await seenFindings(seen, ledger))),
  )
  progress("comparing the database's indexes with its rows")
  await look.at("ledger", () =>
    withLedger(workspace, async (ledger) => findings.addAll(await indexFindings(ledger))),
  )
  return look.verdict(tree && payloads && withBehind(tree, payloads))
}

async function indexFindings(ledger: SqliteLedger): Promise<readonly Finding[]> {
  const terms = { code: "ledger/index-contradicted", subject: "database", tampered: true } as const
  return (await ledger.indexFlaws()).map((detail) => ({ ...terms, detail }))
}

/** What was established, or undefined with what was found. */
async function lookAt<T>(
  look: Look,
  workspace: Workspace,
  verify: (ledger: SqliteLedger) => Promise<Verdict<T>>,
): Promise<T | undefined> {
  const verdict = await look.at("ledger", () => withLedger(workspace, verify))
  if (verdict?.accepted === false) look.findings.addAll(verdict.findings)
  return verdict?.accepted === true ? verdict.value : undefined
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

function sourceOf(
  workspace: Workspace,
  { events }: SqliteLedger,
  findings: FindingList,
): TiledLedger {
  return {
    lanes: () => events.lanes(),
    leaves: (lane) => events.read(lane, 0),
    checkpoints: () => readNotes(events, findings),
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
