import { join } from "node:path"
import { FileTileStore } from "@amc/store-sqlite"
import { ledgerDir } from "./recorder-thread.ts"
import type { Workspace } from "./workspace.ts"

/** The folder of the published tree in a ledger's folder. */
export const tileFolderName = "tiles"

/** Where a workspace's tree is published: files that any static server can serve. */
export function tileFolder(workspace: Pick<Workspace, "dir">): string {
  return join(ledgerDir(workspace), tileFolderName)
}

/** The published tree of a workspace. */
export function tileStoreOf(workspace: Pick<Workspace, "dir">): FileTileStore {
  return new FileTileStore(tileFolder(workspace))
}
