import { mkdirSync } from "node:fs"
import { join } from "node:path"
import {
  type AuditCode,
  type GatewayConfig,
  type MeasuredFacts,
  type Observation,
  type Recorder,
  systemAgent,
} from "@amc/core"
import type { RecorderClient, SessionName } from "@amc/ledger"
import type { ConfigHistory } from "@amc/verify"
import { openProviderKey, readPassphraseFile, vaultPathOf, vaultState } from "@amc/vault"
import { againstHistory, isUnrecorded, readConfigHistory } from "./config-history.ts"
import { loadGatewayConfig } from "./gateway-config.ts"
import { openNotary, type OwnNotary } from "./notary-session.ts"
import { openRecorder, type OwnRecorder } from "./recorder-thread.ts"
import type { LoadedConfig } from "./signed-config.ts"
import type { Workspace } from "./workspace.ts"

export interface CaptureTerms {
  readonly clock: () => number
}

/**
 * A private daemon for the time of one command: the lane's writer, the notary and the signed config of
 * one workspace. Everything that observes an agent works through one.
 */
export interface Capture {
  readonly workspace: Workspace
  readonly clock: () => number
  readonly recorder: RecorderClient
  readonly notary: OwnNotary["notary"]
  readonly gatewayConfig: LoadedConfig<GatewayConfig>
  /** What the ledger named as in force when this capture was opened. */
  readonly configHistory: ConfigHistory
  /** A private folder with a short path, for this capture's sockets. */
  readonly runDir: string
  /** Where request bodies wait for the recorder; on the ledger's own disk. */
  readonly spoolDir: string
  /** Opens a provider's key; the caller wipes it. */
  providerKey(id: string): Promise<Uint8Array | null>
  /** Records an audit: about one session on its agent's account, or about the workspace. */
  audit(code: AuditCode, subject: string, detail: string, about?: SessionName): Promise<void>
  close(): Promise<void>
}

/**
 * Opens the capture of a workspace: takes the lane, closes what a crash left open, starts the notary,
 * and records what it found of keys, vault and config before anything else happens.
 *
 * @throws {@link AmcError} `ledger/lane-taken`, `vault/locked`, `store/unavailable`, `notary/unavailable`
 */
export async function openCapture(workspace: Workspace, { clock }: CaptureTerms): Promise<Capture> {
  const own = await openBoth(workspace)
  try {
    const capture = captureOf(workspace, clock, own, await readConfigHistory(workspace))
    await recordBeginnings(capture)
    return capture
  } catch (error) {
    await closeBoth(own)
    throw error
  }
}

interface Own {
  readonly recorder: OwnRecorder
  readonly notary: OwnNotary
}

async function openBoth(workspace: Workspace): Promise<Own> {
  const [recorder, notary] = await Promise.allSettled([
    openRecorder(workspace),
    openNotary(workspace),
  ])
  if (recorder.status === "fulfilled" && notary.status === "fulfilled")
    return { recorder: recorder.value, notary: notary.value }
  if (recorder.status === "fulfilled") await recorder.value.close()
  if (notary.status === "fulfilled") await notary.value.close()
  throw recorder.status === "rejected" ? recorder.reason : (notary as PromiseRejectedResult).reason
}

async function closeBoth({ recorder, notary }: Own): Promise<void> {
  await recorder.close()
  await notary.close()
}

function captureOf(
  workspace: Workspace,
  clock: () => number,
  own: Own,
  configHistory: ConfigHistory,
): Capture {
  const { recorder, notary } = own
  const spoolDir = join(workspace.dir, "spool")
  mkdirSync(spoolDir, { recursive: true, mode: 0o700 })
  return {
    workspace,
    clock,
    recorder: recorder.client,
    notary: notary.notary,
    gatewayConfig: againstHistory(loadGatewayConfig(workspace, clock()), configHistory),
    configHistory,
    runDir: notary.runDir,
    spoolDir,
    providerKey: (id) =>
      withMonitorPassphrase(workspace, (passphrase) =>
        openProviderKey(vaultPathOf(workspace.dir), passphrase, id),
      ),
    audit: (code, subject, detail, about) =>
      recordAudit(recorder.client, { code, subject, detail }, about),
    close: () => closeBoth(own),
  }
}

/** Reads the monitor's passphrase for as long as it is needed. */
export async function withMonitorPassphrase<T>(
  workspace: Workspace,
  use: (passphrase: Uint8Array) => Promise<T>,
): Promise<T> {
  const passphrase = readPassphraseFile(
    workspace.state.passphrasePath(workspace.workspace, "monitor"),
  )
  try {
    return await use(passphrase)
  } finally {
    passphrase.fill(0)
  }
}

async function recordBeginnings(capture: Capture): Promise<void> {
  const { workspace, recorder, gatewayConfig, configHistory } = capture
  const configs = [againstHistory(workspace.config, configHistory), gatewayConfig]
  const { agents } = await recorder.heads()
  const isNew = !agents.some(({ agent }) => agent === systemAgent)
  const taken = configs.filter((config) => isUnrecorded(config, configHistory)).map(configEvent)
  const first = [...(isNew ? keyEvents(workspace) : []), ...taken]
  const { generation, sha256 } = vaultState(vaultPathOf(workspace.dir))
  const vault = systemEvent({
    type: "vault_generation",
    facts: { measured: { generation, vault_sha256: sha256 }, reported: {} },
  })
  await Promise.all([...first, vault].map((observation) => recorder.record(observation)))
  for (const config of configs) await auditFlaw(capture, config)
}

/** Records the audit of a config file that is unsigned or wrongly signed. */
export async function auditFlaw(
  capture: Capture,
  { path, flaw }: LoadedConfig<unknown>,
): Promise<void> {
  if (flaw === null) return
  await capture.audit(flaw.code, path, flaw.detail)
  if (flaw.code === "CONFIG_SIGNATURE_INVALID")
    await capture.audit("CONFIG_UNSIGNED", path, flaw.detail)
}

/** The event of a config file that was written or taken up. */
export function configEvent({ path, sha256, version }: LoadedConfig<unknown>): Observation {
  return systemEvent({
    type: "config_change",
    facts: { measured: { path, sha256, version, role: "auditor" }, reported: {} },
  })
}

function keyEvents({ keyring }: Workspace): Observation[] {
  const owners = keyring.root.keys.map(({ kid }) => ({ kid, role: "root" as const }))
  const certified = (["monitor", "ledger", "auditor"] as const).flatMap((role) =>
    [...keyring.keys(role).keys()].map((kid) => ({ kid, role })),
  )
  return [...owners, ...certified].map(({ kid, role }) =>
    systemEvent({
      type: "key_change",
      facts: { measured: { kid, role, action: "enrolled" }, reported: {} },
    }),
  )
}

type SystemFacts = {
  [T in Observation["type"]]: Pick<Extract<Observation, { type: T }>, "type" | "facts">
}[Observation["type"]]

/** An observation of the monitor's own, about no agent. */
function systemEvent(event: SystemFacts): Observation {
  return { ...event, channel: "recorder", agent: systemAgent, session: null } as Observation
}

async function recordAudit(
  recorder: Recorder,
  { code, subject, detail }: MeasuredFacts<"audit">,
  about?: SessionName,
): Promise<void> {
  const measured = { code, subject: subject.slice(0, 256), detail: detail.slice(0, 512) }
  const { agent, session } = about ?? { agent: systemAgent, session: null }
  await recorder.record({
    type: "audit",
    channel: "recorder",
    agent,
    session,
    facts: { measured, reported: {} },
  })
}
