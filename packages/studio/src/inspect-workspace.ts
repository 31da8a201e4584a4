import { existsSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
import {
  type Finding,
  isFault,
  sha256Hex,
  type WorkspaceConfig,
  workspaceConfigSchema,
} from "@amc/core"
import type { FindingList } from "@amc/verify"
import type { ConfigPlace } from "./config-place.ts"
import { loadConfig, type LoadedConfig } from "./signed-config.ts"
import { inspectTrust } from "./inspect-trust.ts"
import type { Look } from "./look.ts"
import type { StateHome } from "./state-home.ts"
import {
  openWorkspace,
  type Workspace,
  workspaceConfigPath,
  workspaceDir,
  workspaceOf,
} from "./workspace.ts"

/**
 * A workspace as a verifier looks at it: what of its trust and config does not hold becomes a finding, and
 * the rest is still opened. Undefined if there is too little left to look with.
 *
 * @throws {@link AmcError} `workspace/missing`, `workspace/unknown` for one that is not of this machine
 */
export function inspectWorkspace(
  folder: string,
  state: StateHome,
  now: number,
  look: Look,
): Workspace | undefined {
  const { findings } = look
  const dir = nearestDir(folder, state)
  const known = dir === null ? undefined : state.find(dir)
  // Opening it says best what is missing.
  if (dir === null || known === undefined) return openWorkspace(folder, state, now)
  const keyring = inspectTrust({ dir, known, state, now }, look)
  if (keyring === undefined) return undefined
  if (keyring.lanes().length === 0) {
    findings.add(noMonitor)
    return undefined
  }
  const place = { dir, workspace: known.workspace, keyring }
  const config = inspectConfig(place, now, findings)
  return findings.attempt(
    { code: "config/contradicted", subject: workspaceConfigPath, tampered: true },
    () => workspaceOf(place, known, config, state),
  )
}

const noMonitor: Finding = {
  code: "trust/certificate-invalid",
  subject: "trust/keys",
  detail: "no certificate of the monitor's key is left, so no event can be verified",
  tampered: true,
}

/** A known workspace stays one though its config is gone. */
function nearestDir(folder: string, state: StateHome): string | null {
  for (let at = resolve(folder); ; at = dirname(at)) {
    const dir = workspaceDir(at)
    if (existsSync(join(dir, workspaceConfigPath))) return dir
    if (existsSync(dir) && state.find(dir) !== undefined) return dir
    if (at === dirname(at)) return null
  }
}

/** The signature is judged with those of all configs; here it is only whether the file says anything. */
function inspectConfig(
  place: ConfigPlace,
  now: number,
  findings: FindingList,
): LoadedConfig<WorkspaceConfig> {
  try {
    return loadConfig(place, workspaceConfigPath, workspaceConfigSchema, now)
  } catch (error) {
    if (!isFault(error)) throw error
    const { code, message: detail } = error
    const isGone = code === "workspace/missing"
    const found = isGone ? "config/missing" : "config/malformed"
    findings.add({ code: found, subject: workspaceConfigPath, detail, tampered: true })
    return unreadable(place, detail)
  }
}

function unreadable({ workspace }: ConfigPlace, detail: string): LoadedConfig<WorkspaceConfig> {
  const bytes = new Uint8Array()
  const flaw = { code: "CONFIG_SIGNATURE_INVALID", detail } as const
  const value: WorkspaceConfig = { v: 1, workspace, lane: "" }
  const file = { path: workspaceConfigPath, bytes, sha256: sha256Hex(bytes) }
  return { ...file, value, signature: null, version: 0, flaw, endOfKey: null }
}
