import { readFileSync } from "node:fs"
import {
  AmcError,
  count,
  equalBytes,
  eventHash,
  type Finding,
  fromHex,
  hashLeaf,
  hex32,
  type Keyring,
  label,
  MerkleAccumulator,
} from "@amc/core"
import type { LaneHead } from "@amc/ledger"
import type { SqliteLedger } from "@amc/store-sqlite"
import { z } from "zod"
import { replaceFile } from "./replaced-file.ts"
import type { Workspace } from "./workspace.ts"

const seenSchema = z.strictObject({
  schema: z.literal("amc.seen/v1"),
  lane: label,
  head: z.strictObject({ lseq: count, event_hash: hex32 }).nullable(),
  checkpoint: z.strictObject({ size: count, root_sha256: hex32 }).nullable(),
})

/** The furthest that this machine has seen a ledger: the lane's last event and the largest checkpoint. */
export type SeenLedger = z.infer<typeof seenSchema>

/**
 * What was seen of a workspace's ledger, or null if nothing is known. It is kept in the state folder,
 * outside of the workspace, so that an older ledger that is put back shows.
 *
 * Whoever puts back an old copy of the state folder together with the old ledger is not noticed here: for
 * that, others must hold a checkpoint or a bundle.
 *
 * @throws {@link AmcError} `input/malformed`, `input/unreadable`
 */
export function readSeen({
  state,
  workspace,
}: Pick<Workspace, "state" | "workspace">): SeenLedger | null {
  const path = state.seenPath(workspace)
  try {
    return seenSchema.parse(JSON.parse(readFileSync(path, "utf8")))
  } catch (cause) {
    const { code, syscall } = cause as NodeJS.ErrnoException
    if (code === "ENOENT") return null
    if (syscall !== undefined)
      throw new AmcError("input/unreadable", `${path} can't be read`, { cause })
    throw new AmcError("input/malformed", `${path} can't be read as what was seen of the ledger`, {
      cause,
      hint: "if 'amc verify' of a copy without it accepts, remove it; it is written again",
    })
  }
}

/** Of whose ledger something was seen. */
type SeenPlace = Pick<Workspace, "state" | "workspace" | "lane">

/** Remembers the last event of the lane. @throws {@link AmcError} `workspace/unwritable` */
export function rememberHead(workspace: SeenPlace, head: LaneHead | null): void {
  const seen = readSeen(workspace)
  if (head === null || head.lseq <= (seen?.head?.lseq ?? -1)) return
  const { lseq, event_hash } = head
  write(workspace, { ...(seen ?? nothingOf(workspace)), head: { lseq, event_hash } })
}

/** Remembers a checkpoint that was signed. @throws {@link AmcError} `workspace/unwritable` */
export function rememberCheckpoint(
  workspace: SeenPlace,
  checkpoint: NonNullable<SeenLedger["checkpoint"]>,
): void {
  const seen = readSeen(workspace)
  if (checkpoint.size <= (seen?.checkpoint?.size ?? 0)) return
  write(workspace, { ...(seen ?? nothingOf(workspace)), checkpoint })
}

/** What of the seen is not in this ledger; `seen` must have been read before the ledger was. */
export async function seenFindings(
  seen: SeenLedger | null,
  ledger: SqliteLedger,
): Promise<readonly Finding[]> {
  if (seen === null) return []
  const findings: Finding[] = []
  if (!(await hasHead(seen, ledger)))
    findings.push(rolledBack(`event ${seen.head?.lseq} of lane ${seen.lane}`))
  if (!(await hasCheckpoint(seen, ledger)))
    findings.push(rolledBack(`the tree of ${seen.checkpoint?.size} events`))
  return findings
}

/** What a ledger lacks that is not there at all, or in no format that is known. */
export function missingLedger(
  seen: SeenLedger | null,
  { keyring }: Pick<Workspace, "keyring">,
): readonly Finding[] {
  const known = [
    seen?.head ? `event ${seen.head.lseq} of lane ${seen.lane}` : null,
    seen?.checkpoint ? `the tree of ${seen.checkpoint.size} events` : null,
    keyring.pins.length > 0 ? `a ledger of ${pinnedSize(keyring)} events` : null,
  ].flatMap((what) => what ?? [])
  return known.slice(0, 1).map(rolledBack)
}

/**
 * Refuses to write on after an older state of the ledger, with only as much reading as a start may cost:
 * the last event stands for all before it, and of what the pinned checkpoints cover only the number counts.
 *
 * @throws {@link AmcError} `store/damaged`
 */
export async function requireSeenHead(
  seen: SeenLedger | null,
  ledger: SqliteLedger | null,
  { keyring, lane }: Pick<Workspace, "keyring" | "lane">,
): Promise<void> {
  const stored = ((await ledger?.events.head(lane))?.lseq ?? -1) + 1
  const isSeen = seen === null || (ledger !== null && (await hasHead(seen, ledger)))
  if (isSeen && stored >= pinnedSize(keyring)) return
  throw new AmcError("store/damaged", "the ledger is older than this machine has seen it", {
    hint: "put the newer ledger back; 'amc verify' tells what is missing",
  })
}

async function hasHead({ lane, head }: SeenLedger, { events }: SqliteLedger): Promise<boolean> {
  if (head === null) return true
  for await (const { leaf } of events.read(lane, head.lseq, head.lseq))
    return eventHash(leaf) === head.event_hash
  return false
}

async function hasCheckpoint(
  { lane, checkpoint }: SeenLedger,
  { events }: SqliteLedger,
): Promise<boolean> {
  if (checkpoint === null) return true
  const tree = new MerkleAccumulator()
  // Not the quicker index of hashes, which may still have what the rows have lost.
  for await (const { leaf } of events.read(lane, 0, checkpoint.size - 1))
    tree.append(hashLeaf(leaf))
  return tree.size === checkpoint.size && equalBytes(tree.root(), fromHex(checkpoint.root_sha256))
}

function pinnedSize({ pins }: Keyring): number {
  return pins.reduce((most, { size }) => Math.max(most, size), 0)
}

function rolledBack(what: string): Finding {
  const detail = `this machine has seen ${what}, and it is not there as it was`
  return { code: "ledger/rolled-back", subject: "ledger", detail, tampered: true }
}

function nothingOf({ lane }: SeenPlace): SeenLedger {
  return { schema: "amc.seen/v1", lane, head: null, checkpoint: null }
}

function write({ state, workspace }: SeenPlace, seen: SeenLedger): void {
  state.folderOf(workspace)
  replaceFile(state.seenPath(workspace), `${JSON.stringify(seen)}\n`)
}
