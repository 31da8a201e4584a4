import { existsSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
import { AmcError, type Keyring, type WorkspaceConfig, workspaceConfigSchema } from "@amc/core"
import { loadKeyring } from "@amc/vault"
import { type ConfigPlace, loadConfig, type LoadedConfig } from "./signed-config.ts"
import type { StateHome } from "./state-home.ts"

export const workspaceConfigPath = "amc.config.yaml"

/** A workspace that this machine knows, with the keys that its pinned root certified. */
export interface Workspace extends ConfigPlace {
  /** The `.amc` folder. */
  readonly dir: string
  readonly workspace: string
  readonly rootSha256: string
  readonly keyring: Keyring
  readonly config: LoadedConfig<WorkspaceConfig>
  readonly lane: string
  /** The ledger's name in checkpoints and receipts. */
  readonly origin: string
  readonly state: StateHome
}

/** Where the workspace of a folder lies. */
export function workspaceDir(folder: string): string {
  return join(resolve(folder), ".amc")
}

/** The nearest `.amc` with a config, in a folder or above it. */
export function findWorkspaceDir(folder: string): string | null {
  for (let at = resolve(folder); ; at = dirname(at)) {
    const dir = workspaceDir(at)
    if (existsSync(join(dir, workspaceConfigPath))) return dir
    if (at === dirname(at)) return null
  }
}

/**
 * Opens the workspace of a folder, or the nearest above it, if it is the one that was made or accepted here.
 *
 * @throws {@link AmcError} `workspace/missing`, `workspace/unknown`
 */
export function openWorkspace(folder: string, state: StateHome, now: number): Workspace {
  const dir = findWorkspaceDir(folder)
  if (dir === null)
    throw new AmcError(
      "workspace/missing",
      `there is no AMC workspace in ${resolve(folder)} or above it`,
      { hint: "make one with 'amc init'" },
    )
  const known = state.find(dir)
  if (known === undefined)
    throw new AmcError(
      "workspace/unknown",
      `${dir} was not made on this machine, so its keys mean nothing here`,
      {
        hint: "a workspace counts only where its root is remembered; make your own with 'amc init' in another folder",
      },
    )
  const keyring = loadKeyring(dir, `sha256:${known.root_sha256}`)
  const place = { dir, workspace: known.workspace, keyring }
  const config = loadConfig(place, workspaceConfigPath, workspaceConfigSchema, now)
  if (config.value.workspace !== known.workspace)
    throw new AmcError("workspace/unknown", `${workspaceConfigPath} names another workspace`)
  return {
    ...place,
    rootSha256: known.root_sha256,
    config,
    lane: config.value.lane,
    origin: originOf(known.workspace),
    state,
  }
}

/** The C2SP origin of a workspace's ledger: `<workspace>/<ledger>`. */
function originOf(workspace: string): string {
  return `${workspace}/ledger`
}
