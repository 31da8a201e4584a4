import { dirname } from "node:path"
import { fromHex } from "@amc/core"
import { type FaultMessage, faultMessage, TileWriter } from "@amc/ledger"
import { openLedger, type SqliteLedger } from "@amc/store-sqlite"
import { ledgerDir } from "./recorder-thread.ts"
import { rememberCheckpoint } from "./seen-ledger.ts"
import { StateHome } from "./state-home.ts"
import { tileStoreOf } from "./tile-folder.ts"
import type { Workspace } from "./workspace.ts"
import { pinCheckpoint } from "./workspace-trust.ts"

/** Whose checkpoints are kept, in a form that can be sent to a thread. */
export interface KeeperPlace extends Pick<Workspace, "dir" | "workspace" | "lane" | "rootSha256"> {
  /** The folder of this machine's memory. */
  readonly stateDir: string
}

/** A checkpoint that the notary signed. */
export interface SignedTree {
  readonly size: number
  readonly root_sha256: string
  readonly note: string
  /** When it was there, if that is to be remembered. */
  readonly pinMs: number | null
}

/** What became of it: the tiles can be written later, so that their fault is no reason to fail. */
export interface KeptTree {
  readonly tilesFault: FaultMessage | null
}

/** Makes checkpoints durable, remembers them, and publishes the tree up to them. */
export interface Keeper {
  /** @throws {@link AmcError} `store/unavailable`, `workspace/unwritable` */
  keep(tree: SignedTree): Promise<KeptTree>
  close(): Promise<void>
}

export function keeperPlace(workspace: Workspace): KeeperPlace {
  const { dir, lane, rootSha256, state } = workspace
  return { dir, workspace: workspace.workspace, lane, rootSha256, stateDir: state.dir }
}

/** Opens a keeper in this very thread. The caller holds the lane. @throws {@link AmcError} `store/unavailable` */
export function openKeeper(place: KeeperPlace): Keeper {
  const { lane } = place
  const ledger = openLedger(ledgerDir(place))
  const writer = new TileWriter({ events: ledger.events, tiles: tileStoreOf(place), lane })
  return {
    keep: async (tree) => {
      await keepNote(place, ledger, tree)
      return { tilesFault: await publish(writer, tree) }
    },
    close: () => ledger.close(),
  }
}

async function keepNote(
  place: KeeperPlace,
  { events }: SqliteLedger,
  { size, root_sha256, note, pinMs }: SignedTree,
): Promise<void> {
  await events.saveCheckpoint(size, note)
  const known = { ...place, state: stateAt(place.stateDir) }
  rememberCheckpoint(known, { size, root_sha256 })
  if (pinMs !== null) pinCheckpoint(known, { size, root_sha256, seen_ms: pinMs, own: true })
}

async function publish(
  writer: TileWriter,
  { size, root_sha256, note }: SignedTree,
): Promise<FaultMessage | null> {
  try {
    await writer.publish({ size, root: fromHex(root_sha256) }, note)
    return null
  } catch (error) {
    return faultMessage(error)
  }
}

/** The state folder lies in the one that its variable names. */
function stateAt(dir: string): StateHome {
  return new StateHome({ XDG_STATE_HOME: dirname(dir) })
}
