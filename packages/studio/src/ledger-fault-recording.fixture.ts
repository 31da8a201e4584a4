import { join } from "node:path"
import { encodeCheckpoint, type Signer, signNote, toHex } from "@amc/core"
import { type FaultMessage, LaneWriter, recoverLane, uuidSource } from "@amc/ledger"
import { blobFolderName, lockLane, openLedger, removeLeftovers } from "@amc/store-sqlite"
import { openLaneSigner, openSlot, privateKeySigner, vaultPathOf } from "@amc/vault"
import { openKeeper, keeperPlace } from "./checkpoint-keeper.ts"
import { withPassphrase } from "./passphrase-source.ts"
import { ledgerDir } from "./recorder-thread.ts"
import { rememberHead } from "./seen-ledger.ts"
import { StateHome } from "./state-home.ts"
import { tileFolderName } from "./tile-folder.ts"
import { openWorkspace, type Workspace } from "./workspace.ts"

/** When the places of these tests were made. */
export const faultTestsMs = 1_800_000_000_000

/** What a recording needs to be opened, read before any fault is injected. */
export interface RecordingTerms {
  readonly workspace: Workspace
  readonly laneSigner: Signer
  readonly ledgerSigner: Signer
  readonly clock: () => number
}

/** A size that is signed, kept and published, and what hindered publishing it. */
export interface KeptSize {
  readonly size: number
  readonly root_sha256: string
  readonly tilesFault: FaultMessage | null
}

/** All that writes files while a ledger is recorded, on one thread, so that a fault hits where it is meant to. */
export interface Recording {
  readonly writer: LaneWriter
  checkpoint(): Promise<KeptSize>
  close(): Promise<void>
}

export function placeOf(top: string): { readonly folder: string; readonly state: StateHome } {
  return { folder: join(top, "home"), state: new StateHome({ XDG_STATE_HOME: join(top, "state") }) }
}

export async function readRecordingTerms(
  top: string,
  clock: () => number,
): Promise<RecordingTerms> {
  const { folder, state } = placeOf(top)
  const workspace = openWorkspace(folder, state, faultTestsMs)
  const vault = vaultPathOf(workspace.dir)
  return withPassphrase(workspace, "monitor", async (passphrase) => {
    const secrets = await openSlot(vault, "monitor", passphrase)
    const ledgerKey = secrets.get("key/ledger")
    if (ledgerKey === undefined) throw new Error("the slot has no ledger key")
    const laneSigner = await openLaneSigner(vault, passphrase)
    return { workspace, laneSigner, ledgerSigner: privateKeySigner(ledgerKey), clock }
  })
}

/** Takes the lane, recovers it, and opens everything. What was opened is given back if something fails. */
export async function openRecording(terms: RecordingTerms): Promise<Recording> {
  const { workspace } = terms
  const lock = await lockLane(ledgerDir(workspace), workspace.lane)
  const opened: (() => Promise<void>)[] = [async () => lock.release()]
  const closeAll = async (): Promise<void> => {
    for (const close of opened.toReversed()) await close()
  }
  try {
    for (const folder of [blobFolderName, tileFolderName])
      await removeLeftovers(join(ledgerDir(workspace), folder))
    const ledger = openLedger(ledgerDir(workspace))
    opened.push(() => ledger.close())
    const keeper = openKeeper(keeperPlace(workspace))
    opened.push(() => keeper.close())
    const writer = await LaneWriter.open({
      store: ledger.events,
      blobs: ledger.blobs,
      lane: workspace.lane,
      origin: workspace.origin,
      rootSha256: workspace.rootSha256,
      signer: terms.laneSigner,
      ids: uuidSource,
      clock: terms.clock,
    })
    await recoverLane(writer)
    const checkpoint = async (): Promise<KeptSize> => {
      const made = writer.checkpoint()
      const { size } = made
      const root_sha256 = toHex(made.root)
      const note = signNote(encodeCheckpoint(made), workspace.origin, terms.ledgerSigner)
      const { tilesFault } = await keeper.keep({ size, root_sha256, note, pinMs: terms.clock() })
      return { size, root_sha256, tilesFault }
    }
    opened.push(async () => rememberHead(workspace, (await writer.heads()).lane))
    opened.push(() => writer.close())
    return { writer, checkpoint, close: closeAll }
  } catch (error) {
    await closeAll()
    throw error
  }
}
