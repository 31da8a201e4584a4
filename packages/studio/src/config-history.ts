import { type Event, findConfigKind, isFault } from "@amc/core"
import type { SqliteLedger } from "@amc/store-sqlite"
import { type ConfigHistory, ConfigLog } from "@amc/verify"
import { eventOf, withLedger } from "./ledger-reader.ts"
import type { JudgedConfig } from "./judged-config.ts"
import type { Workspace } from "./workspace.ts"

/** What the ledger says of the config files. */
export interface ConfigRecord {
  /** The highest version of each path that was in force, by the auditor's word; a lower one after it does not count. */
  readonly history: ConfigHistory
  /** Files that were broken once and that no signed change has repaired since: they hold levels down. */
  readonly unrepaired: ReadonlySet<string>
}

export const nothingRecorded: ConfigRecord = { history: new Map(), unrepaired: new Set() }

/** Reads the record. @throws {@link AmcError} `workspace/missing` without a ledger, `store/unavailable` */
export function readConfigRecord(workspace: Workspace): Promise<ConfigRecord> {
  return withLedger(workspace, async (ledger) => {
    const { keyring } = workspace
    const log = new ConfigLog({ workspace: workspace.workspace, keyring })
    const unrepaired = new Set<string>()
    for (const event of await configEvents(workspace, ledger)) {
      const path = brokenPath(event)
      if (path !== undefined) unrepaired.add(path)
      if (event.type !== "config_change") continue
      const { path: changed } = event.facts.measured
      const before = log.history.get(changed)
      log.note(event, await envelopeOf(event, ledger), "config_change")
      if (log.history.get(changed) !== before) unrepaired.delete(changed)
    }
    return { history: log.history, unrepaired }
  })
}

/** {@link readConfigRecord} without what was broken. */
export async function readConfigHistory(workspace: Workspace): Promise<ConfigHistory> {
  return (await readConfigRecord(workspace)).history
}

/** In the order of the lane. */
async function configEvents(
  { lane }: Workspace,
  { events }: SqliteLedger,
): Promise<readonly Event[]> {
  const found: Event[] = []
  for (const type of ["config_change", "audit"] as const)
    for await (const { leaf } of events.readType(lane, type)) found.push(eventOf(leaf))
  return found.sort((a, b) => a.lseq - b.lseq)
}

function brokenPath(event: Event): string | undefined {
  if (event.type !== "audit") return undefined
  const { code, subject } = event.facts.measured
  const isOfConfig = code === "CONFIG_UNSIGNED" || code === "CONFIG_SIGNATURE_INVALID"
  return isOfConfig && findConfigKind(subject) !== undefined ? subject : undefined
}

/** The payload of a change; a damaged one says nothing. */
export async function envelopeOf(
  { payload }: Event,
  { blobs }: SqliteLedger,
): Promise<Uint8Array | null> {
  const sha256 = payload?.blob_sha256 ?? null
  try {
    return sha256 === null ? null : await blobs.get(sha256)
  } catch (error) {
    if (isFault(error, "store/damaged")) return null
    throw error
  }
}

/**
 * A config file in the light of what was recorded of it: one that lost its signature, or in whose place an
 * older one was put back, is no better than one that was forged.
 */
export function againstHistory<T extends JudgedConfig>(config: T, history: ConfigHistory): T {
  const last = history.get(config.path)
  if (config.flaw === null && config.endOfKey === "stolen")
    return flawed(config, "is signed by a key that was stolen since")
  if (config.flaw === null && config.endOfKey !== null && isUnrecorded(config, history))
    return flawed(config, "is signed by a key that has ended, and the ledger does not name it")
  if (last === undefined || config.flaw?.code === "CONFIG_SIGNATURE_INVALID") return config
  if (config.flaw !== null) return flawed(config, "was signed before and has no signature now")
  if (config.version < last.version)
    return flawed(
      config,
      `is version ${config.version}, and the ledger names version ${last.version}`,
    )
  if (config.version === last.version && config.sha256 !== last.sha256)
    return flawed(config, "is not the file that the ledger names by this version")
  return config
}

/** Whether the ledger does not yet say that this file is in force. */
export function isUnrecorded(
  { path, version, sha256, flaw }: JudgedConfig,
  history: ConfigHistory,
): boolean {
  const last = history.get(path)
  return flaw === null && (last?.version !== version || last.sha256 !== sha256)
}

function flawed<T extends JudgedConfig>(config: T, what: string): T {
  const flaw = { code: "CONFIG_SIGNATURE_INVALID" as const, detail: `${config.path} ${what}` }
  return { ...config, flaw }
}
