import type { StateHome } from "../state-home.ts"
import { findWorkspaceDir, openWorkspace, type Workspace } from "../workspace.ts"
import { attempted, type Diagnosis, ok, warn } from "./diagnosis.ts"
import { clock, configs, ledger } from "./evidence.ts"
import { permissions, vault } from "./files.ts"
import { disk, loopback, runtime, sandboxes } from "./machine.ts"
import { trust } from "./trust.ts"

export interface DoctorTerms {
  readonly folder: string
  readonly state: StateHome
  readonly nowMs: number
  /** `process.version` of the Node that runs this. */
  readonly nodeVersion: string
  /** The caller's own, which says where engines are. */
  readonly environment: Readonly<Record<string, string | undefined>>
}

/**
 * Looks at everything that AMC needs on this machine and in this workspace. Changes nothing; what it can't look
 * at is a failure and hides nothing else.
 */
export async function diagnose(terms: DoctorTerms): Promise<readonly Diagnosis[]> {
  const { folder, state, nowMs, nodeVersion } = terms
  const here = findWorkspaceDir(folder)
  const machine = [
    runtime(nodeVersion),
    ...(await sandboxes(terms.environment)),
    disk("disk workspace", here ?? folder),
    disk("disk state", state.dir),
    await loopback(),
  ]
  if (here === null)
    return [...machine, warn("workspace", `there is none in ${folder} or above it`, "amc init")]
  let workspace: Workspace | undefined
  const opened = await attempted("workspace", () => {
    workspace = openWorkspace(folder, state, nowMs)
    return [ok("workspace", `${workspace.workspace} in ${workspace.dir}`)]
  })
  return workspace === undefined
    ? [...machine, ...opened]
    : [...machine, ...opened, ...(await lookInto(workspace, nowMs))]
}

async function lookInto(workspace: Workspace, nowMs: number): Promise<readonly Diagnosis[]> {
  const looks: readonly (readonly [string, Parameters<typeof attempted>[1]])[] = [
    ["permissions", () => permissions(workspace)],
    ["vault", () => vault(workspace)],
    ["keys", () => trust(workspace, nowMs)],
    ["config", () => configs(workspace, nowMs)],
    ["ledger", () => ledger(workspace)],
    ["clock", () => clock(workspace, nowMs)],
  ]
  const found: Diagnosis[] = []
  for (const [id, look] of looks) found.push(...(await attempted(id, look)))
  return found
}
