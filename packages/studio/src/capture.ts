import { mkdirSync } from "node:fs"
import { join } from "node:path"
import {
  type AuditCode,
  type GatewayConfig,
  type MeasuredFacts,
  type Observation,
  type ObservedPayload,
  type ProviderConfig,
  type Recorder,
  sha256Hex,
  systemAgent,
} from "@amc/core"
import type { RecorderClient, SessionName } from "@amc/ledger"
import type { ConfigHistory } from "@amc/verify"
import { vaultPathOf, vaultState } from "@amc/vault"
import { keeperPlace, openKeeper } from "./checkpoint-keeper.ts"
import { KeeperThread } from "./checkpoint-thread.ts"
import { Checkpointer, type KeptCheckpoint } from "./checkpointer.ts"
import { againstHistory, isUnrecorded, readConfigHistory } from "./config-history.ts"
import { completeConfigs, judgeConfigs } from "./config-list.ts"
import {
  gatewayConfigPath,
  hasGatewayConfig,
  loadAnyGatewayConfig,
  loadGatewayConfig,
} from "./gateway-config.ts"
import { unrecordedKeyChanges } from "./key-events.ts"
import { hasKnownLedger, withLedger } from "./ledger-reader.ts"
import {
  findNotary,
  joinNotary,
  type NotarySlot,
  type OwnNotary,
  startOwnNotary,
} from "./notary-session.ts"
import { type Found, withPassphrase, withPassphrases } from "./passphrase-source.ts"
import { openRecorder, type OwnRecorder } from "./recorder-thread.ts"
import { readSeen, rememberHead, requireSeenHead } from "./seen-ledger.ts"
import { recordedVault, requireRecordedVault } from "./seen-vault.ts"
import type { JudgedConfig } from "./judged-config.ts"
import type { LoadedConfig } from "./signed-config.ts"
import { recordUnlockFailures } from "./unlock-audits.ts"
import { openUpstreamKey } from "./upstream-key.ts"
import { trusting, type Workspace } from "./workspace.ts"

export interface CaptureTerms {
  readonly clock: () => number
  /** Set by what only records, so that the passphrase that starts it can't sign a config or seal a run. */
  readonly monitorOnly?: boolean
  /** Go on with no providers where gateway.yaml can't be read, since it is about to be replaced. */
  readonly replacesGateway?: boolean
  /** How often a checkpoint is made while events come; a second if left out. */
  readonly checkpointEveryMs?: number
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
  /** Where that notary listens; an agent must not get there. */
  readonly notarySocket: string
  readonly gatewayConfig: LoadedConfig<GatewayConfig>
  /** What the ledger named as in force when this capture was opened. */
  readonly configHistory: ConfigHistory
  /** Every config file that was there then, or that the ledger named, as it was judged. */
  readonly configs: ReadonlyMap<string, JudgedConfig>
  /** A private folder with a short path, for this capture's sockets. */
  readonly runDir: string
  /** Where request bodies wait for the recorder; on the ledger's own disk. */
  readonly spoolDir: string
  /** The key that a provider of a signed gateway.yaml gets, at the place it was kept for; the caller wipes it. */
  providerKey(provider: ProviderConfig): Promise<Uint8Array | null>
  /** Records an audit: about one session on its agent's account, or about the workspace. */
  audit(code: AuditCode, subject: string, detail: string, about?: SessionName): Promise<void>
  /** A checkpoint of all that is durable now, signed, kept, remembered and published. */
  checkpoint(): Promise<KeptCheckpoint>
  close(): Promise<void>
}

/**
 * Opens the capture of a workspace: takes the lane, closes what a crash left open, starts the notary,
 * and records what it found of keys, vault and config before anything else happens.
 *
 * Refuses to write on after an older ledger or an older vault.
 *
 * @throws {@link AmcError} `ledger/lane-taken`, `vault/locked`, `vault/damaged`, `store/damaged`,
 * `store/unavailable`, `notary/unavailable`
 */
export async function openCapture(workspace: Workspace, terms: CaptureTerms): Promise<Capture> {
  await requireNewest(workspace)
  const own = await openBoth(workspace, terms)
  try {
    completeConfigs(workspace)
    const checkpointer = checkpointerOf(workspace, terms, own)
    const history = await readConfigHistory(workspace)
    const capture = captureOf(workspace, terms, { ...own, checkpointer }, history)
    await recordBeginnings(capture)
    checkpointer.start()
    return capture
  } catch (error) {
    await closeBoth(own)
    throw error
  }
}

/**
 * Refuses to go on from an older copy of the ledger or of the vault.
 *
 * @throws {@link AmcError} `store/damaged`, `vault/damaged`, `vault/missing`, `vault/unsafe-file`
 */
export async function requireNewest(workspace: Workspace): Promise<void> {
  const seen = readSeen(workspace)
  if (!(await hasKnownLedger(workspace))) return requireSeenHead(seen, null, workspace)
  await withLedger(workspace, async (ledger) => {
    await requireSeenHead(seen, ledger, workspace)
    requireRecordedVault(workspace, await recordedVault(workspace, ledger))
  })
}

/** Where bodies wait for the recorder. */
export function spoolDirOf({ dir }: Pick<Workspace, "dir">): string {
  return join(dir, "spool")
}

interface Own {
  readonly recorder: OwnRecorder
  readonly notary: OwnNotary
}

interface OwnParts extends Own {
  readonly checkpointer: Checkpointer
}

/** With an unlocked notary only the lane's key is left to open. */
async function openBoth(
  workspace: Workspace,
  { clock, monitorOnly = false }: CaptureTerms,
): Promise<Own> {
  const slots: readonly NotarySlot[] = monitorOnly ? ["monitor"] : ["auditor", "monitor"]
  const unlocked = await findNotary(workspace, slots)
  const join = unlocked === null ? null : () => joinNotary(unlocked)
  return withPassphrases(workspace, join === null ? slots : ["monitor"], (found) =>
    startBoth(workspace, found, clock(), join ?? (() => startOwnNotary(workspace, found))),
  )
}

async function startBoth(
  workspace: Workspace,
  found: Found,
  nowMs: number,
  start: () => Promise<OwnNotary>,
): Promise<Own> {
  const [recorder, notary] = await Promise.allSettled([
    openRecorder(workspace, found.get("monitor") ?? new Uint8Array(), nowMs),
    start(),
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

function checkpointerOf(
  workspace: Workspace,
  { clock, checkpointEveryMs = 1000 }: CaptureTerms,
  { recorder: { client }, notary: { notary } }: Own,
): Checkpointer {
  const place = keeperPlace(workspace)
  return new Checkpointer({
    recorder: client,
    notary,
    openKeeper: () => openKeeper(place),
    startKeeper: () => new KeeperThread(place),
    audit: (code, subject, detail) => recordAudit(client, { code, subject, detail }),
    clock,
    everyMs: checkpointEveryMs,
  })
}

function captureOf(
  found: Workspace,
  { clock, replacesGateway = false }: CaptureTerms,
  own: OwnParts,
  configHistory: ConfigHistory,
): Capture {
  const { recorder, notary } = own
  const workspace = trusting(found, againstHistory(found.config, configHistory))
  const judged = judgeConfigs(workspace, configHistory, clock())
  const isGone = judged.has(gatewayConfigPath) && !hasGatewayConfig(workspace)
  const load = replacesGateway || isGone ? loadAnyGatewayConfig : loadGatewayConfig
  const gatewayConfig = againstHistory(load(workspace, clock()), configHistory)
  // What was parsed is what counts, should a file have changed between the two looks.
  const configs = new Map<string, JudgedConfig>(judged)
  for (const config of [workspace.config, gatewayConfig]) configs.set(config.path, config)
  const spoolDir = spoolDirOf(workspace)
  mkdirSync(spoolDir, { recursive: true, mode: 0o700 })
  return {
    workspace,
    clock,
    recorder: recorder.client,
    notary: notary.notary,
    notarySocket: notary.socketPath,
    gatewayConfig,
    configHistory,
    configs,
    runDir: notary.runDir,
    spoolDir,
    providerKey: (provider) =>
      withPassphrase(workspace, "monitor", (passphrase) =>
        openUpstreamKey(workspace, gatewayConfig, provider, passphrase),
      ),
    audit: (code, subject, detail, about) =>
      recordAudit(recorder.client, { code, subject, detail }, about),
    checkpoint: () => own.checkpointer.now(),
    close: () => closeSeen(workspace, own),
  }
}

/** Remembers how far the ledger got, and gives everything back whether or not that was possible. */
async function closeSeen(workspace: Workspace, own: OwnParts): Promise<void> {
  try {
    await own.recorder.client.flush()
    await own.checkpointer.close()
    rememberHead(workspace, (await own.recorder.client.heads()).lane)
  } finally {
    await closeBoth(own)
  }
}

async function recordBeginnings(capture: Capture): Promise<void> {
  const { workspace, recorder, configHistory } = capture
  const configs = [...capture.configs.values()]
  const taken = configs.filter((config) => isUnrecorded(config, configHistory)).map(configEvent)
  const first = [...(await unrecordedKeyChanges(workspace)), ...taken]
  const { generation, sha256 } = vaultState(vaultPathOf(workspace.dir))
  const vault = systemEvent({
    type: "vault_generation",
    facts: { measured: { generation, vault_sha256: sha256 }, reported: {} },
  })
  await Promise.all([...first, vault].map((observation) => recorder.record(observation)))
  for (const config of configs) await auditFlaw(capture, config)
  await recordUnlockFailures(workspace, capture.audit)
}

/** Records the audit of a config file that is unsigned or wrongly signed. */
export async function auditFlaw(capture: Capture, { path, flaw }: JudgedConfig): Promise<void> {
  if (flaw === null) return
  await capture.audit(flaw.code, path, flaw.detail)
  if (flaw.code === "CONFIG_SIGNATURE_INVALID")
    await capture.audit("CONFIG_UNSIGNED", path, flaw.detail)
}

/** The event of a config file that was written or taken up. It holds the auditor's signature, by which it counts. */
export function configEvent({ path, sha256, version, signature }: JudgedConfig): Observation {
  const event = systemEvent({
    type: "config_change",
    facts: { measured: { path, sha256, version, role: "auditor" }, reported: {} },
  })
  return signature === null ? event : { ...event, payload: envelopePayload(signature) }
}

function envelopePayload(bytes: Uint8Array): ObservedPayload {
  const media = "application/vnd.dsse.envelope.v1+json"
  return { sha256: sha256Hex(bytes), size: bytes.length, media, blob: bytes }
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
