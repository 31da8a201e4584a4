import { cpSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { lowestKdfCost } from "@amc/vault"
import { onTestFinished } from "vitest"
import { initWorkspace } from "./init.ts"
import { StateHome } from "./state-home.ts"
import { openWorkspace, type Workspace } from "./workspace.ts"

export const now = 1_800_000_000_000

/** A workspace with a state folder of its own, both under one temporary folder. */
export interface Place {
  readonly top: string
  readonly folder: string
  readonly workspace: Workspace
}

/** A folder that goes away with the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "amc-studio-"))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A new workspace. Whoever asked removes `top`. */
export async function newPlace(clock: () => number = () => now): Promise<Place> {
  const top = mkdtempSync(join(tmpdir(), "amc-studio-"))
  const folder = join(top, "home")
  // The vault's own tests are about its cost; here it would only cost time.
  const terms = { folder, state: stateIn(top), clock, cost: lowestKdfCost }
  return { top, folder, workspace: await initWorkspace(terms) }
}

/** The same workspace in another place, with all that its own place knew of it. */
export function copyOf({ top: from, workspace: { workspace, rootSha256 } }: Place): Place {
  const top = temporaryFolder()
  cpSync(from, top, { recursive: true, preserveTimestamps: true })
  const folder = join(top, "home")
  const state = stateIn(top)
  state.remember({ path: join(folder, ".amc"), workspace, root_sha256: rootSha256 })
  return { top, folder, workspace: openWorkspace(folder, state, now) }
}

/** The workspace as it is found now, its config read again. */
export function reopened({ folder, workspace: { state } }: Place): Workspace {
  return openWorkspace(folder, state, now)
}

function stateIn(top: string): StateHome {
  return new StateHome({ XDG_STATE_HOME: join(top, "state") })
}
