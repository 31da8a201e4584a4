import { existsSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
import {
  AmcError,
  type Finding,
  isFault,
  type KeyCertificate,
  Keyring,
  openKeyCertificate,
  parseRoot,
  type Root,
  rootFingerprint,
  sha256Hex,
  type WorkspaceConfig,
  workspaceConfigSchema,
} from "@amc/core"
import { trustPaths } from "@amc/vault"
import type { FindingList } from "@amc/verify"
import { loadConfig, type ConfigPlace, type LoadedConfig } from "./signed-config.ts"
import type { RememberedWorkspace, StateHome } from "./state-home.ts"
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
  findings: FindingList,
): Workspace | undefined {
  const dir = nearestDir(folder, state)
  const known = dir === null ? undefined : state.find(dir)
  // Opening it says best what is missing.
  if (dir === null || known === undefined) return openWorkspace(folder, state, now)
  const keyring = inspectTrust(dir, known, findings)
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

function inspectTrust(
  dir: string,
  known: RememberedWorkspace,
  findings: FindingList,
): Keyring | undefined {
  const paths = trustPaths(dir)
  const root = inspectRoot(paths.root, known, findings)
  if (root === undefined) return undefined
  const names = existsSync(paths.keys) ? readdirSync(paths.keys).sort() : []
  const certificates = names
    .filter((name) => name.endsWith(".json"))
    .flatMap((name) => inspectCertificate(join(paths.keys, name), root, findings) ?? [])
  return findings.attempt(
    { code: "trust/certificate-invalid", subject: "trust/keys", tampered: true },
    () => new Keyring(root, certificates),
  )
}

function inspectRoot(
  path: string,
  { root_sha256 }: RememberedWorkspace,
  findings: FindingList,
): Root | undefined {
  const subject = "trust/root.json"
  const bytes = readOrFind(path, subject, findings)
  if (bytes === undefined) return undefined
  const terms = { code: "trust/root-contradicted", subject, tampered: true } as const
  return findings.attempt(terms, () => {
    const root = parseRoot(bytes)
    if (rootFingerprint(root) !== `sha256:${root_sha256}`)
      throw new AmcError("workspace/unknown", "it is not the root that this machine remembers")
    return root
  })
}

function inspectCertificate(
  path: string,
  root: Root,
  findings: FindingList,
): KeyCertificate | undefined {
  const subject = path.slice(dirname(dirname(dirname(path))).length + 1)
  const bytes = readOrFind(path, subject, findings)
  if (bytes === undefined) return undefined
  return findings.attempt({ code: "trust/certificate-invalid", subject, tampered: true }, () =>
    openKeyCertificate(bytes, root),
  )
}

function readOrFind(path: string, subject: string, findings: FindingList): Uint8Array | undefined {
  try {
    return new Uint8Array(readFileSync(path))
  } catch {
    findings.add({ code: "trust/missing", subject, detail: "it can't be read", tampered: false })
    return undefined
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
  return { ...file, value, version: 0, flaw }
}
