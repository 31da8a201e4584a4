import { existsSync, readFileSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
import { AmcError, type Keyring, type WorkspaceConfig, workspaceConfigSchema } from "@amc/core"
import type { ConfigPlace } from "./config-place.ts"
import { loadConfig, type LoadedConfig } from "./signed-config.ts"
import type { RememberedWorkspace, StateHome } from "./state-home.ts"
import { openTrust } from "./workspace-trust.ts"

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
  if (known === undefined) throw unknownWorkspace(dir, state)
  const keyring = openTrust(dir, known, state)
  const place = { dir, workspace: known.workspace, keyring }
  const config = loadConfig(place, workspaceConfigPath, workspaceConfigSchema, now)
  return workspaceOf(place, known, config, state)
}

/** The id in the config is unproven, and only picks among places that are remembered. */
function unknownWorkspace(dir: string, state: StateHome): AmcError {
  const config = readFileSync(join(dir, workspaceConfigPath), "utf8")
  const id = /^workspace: *(\S+)$/mu.exec(config)?.[1]
  const made = state.remembered().find(({ workspace }) => workspace === id)
  const own = "make your own with 'amc init' in another folder"
  if (made !== undefined)
    return new AmcError("workspace/unknown", `${dir} was moved or copied`, {
      hint: `it was made at ${made.path}; move it back there, or ${own}`,
    })
  return new AmcError(
    "workspace/unknown",
    `${dir} was not made on this machine, so its keys mean nothing here`,
    { hint: `a workspace counts only where its root is remembered; ${own}` },
  )
}

/** The workspace with its trust as it is now. @throws {@link AmcError} as {@link openTrust} */
export function reopenTrust(workspace: Workspace): Workspace {
  const { dir, rootSha256: root_sha256, state } = workspace
  const known = { path: dir, workspace: workspace.workspace, root_sha256 }
  return { ...workspace, keyring: openTrust(dir, known, state) }
}

/**
 * A workspace of parts that were read before. Which lane it writes comes from the keys that the root
 * certified; what an owner's signature does not cover is not believed.
 *
 * @throws {@link AmcError} `workspace/unknown`, `input/malformed`
 */
export function workspaceOf(
  place: ConfigPlace,
  { workspace, root_sha256 }: RememberedWorkspace,
  config: LoadedConfig<WorkspaceConfig>,
  state: StateHome,
): Workspace {
  const { flaw, value } = config
  if (flaw === null && value.workspace !== workspace)
    throw new AmcError("workspace/unknown", `${workspaceConfigPath} names another workspace`)
  const lane = laneOf(place.keyring, flaw === null ? value.lane : null)
  const rest = { rootSha256: root_sha256, lane, origin: originOf(workspace), state }
  return trusting({ ...place, ...rest, config }, config)
}

/** A workspace with this config; one that is not the owner's word can only lower what is measured (T4). */
export function trusting(workspace: Workspace, config: LoadedConfig<WorkspaceConfig>): Workspace {
  if (config.flaw === null) return { ...workspace, config }
  const value: WorkspaceConfig = {
    v: 1,
    workspace: workspace.workspace,
    lane: workspace.lane,
    security: { trustBoundaryMode: "shared" },
  }
  return { ...workspace, config: { ...config, value } }
}

function laneOf(keyring: Keyring, named: string | null): string {
  const lanes = keyring.lanes()
  const lane = named ?? (lanes.length === 1 ? lanes[0] : undefined)
  if (lane !== undefined && lanes.includes(lane)) return lane
  throw new AmcError(
    "input/malformed",
    `${workspaceConfigPath} names no lane of the monitor's key`,
    {
      hint: `the root certified the monitor for: ${lanes.join(", ")}`,
    },
  )
}

/** The C2SP origin of a workspace's ledger: `<workspace>/<ledger>`. */
function originOf(workspace: string): string {
  return `${workspace}/ledger`
}
