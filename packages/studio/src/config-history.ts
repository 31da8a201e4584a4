import { type ConfigHistory } from "@amc/verify"
import { eventOf, withLedger } from "./ledger-reader.ts"
import type { LoadedConfig } from "./signed-config.ts"
import type { Workspace } from "./workspace.ts"

/** The highest version of each path that the ledger says was in force; a lower one after it does not count. */
export async function readConfigHistory(workspace: Workspace): Promise<ConfigHistory> {
  const history = new Map<string, { version: number; sha256: string }>()
  await withLedger(workspace, async ({ events }) => {
    for await (const { leaf } of events.readType(workspace.lane, "config_change")) {
      const event = eventOf(leaf)
      if (event.type !== "config_change") continue
      const { path, version, sha256 } = event.facts.measured
      if (version > (history.get(path)?.version ?? 0)) history.set(path, { version, sha256 })
    }
  })
  return history
}

/**
 * A config file in the light of what was recorded of it: one that lost its signature, or in whose place an
 * older one was put back, is no better than one that was forged.
 */
export function againstHistory<T>(
  config: LoadedConfig<T>,
  history: ConfigHistory,
): LoadedConfig<T> {
  const last = history.get(config.path)
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
  { path, version, sha256, flaw }: LoadedConfig<unknown>,
  history: ConfigHistory,
): boolean {
  const last = history.get(path)
  return flaw === null && (last?.version !== version || last.sha256 !== sha256)
}

function flawed<T>(config: LoadedConfig<T>, what: string): LoadedConfig<T> {
  const flaw = { code: "CONFIG_SIGNATURE_INVALID" as const, detail: `${config.path} ${what}` }
  return { ...config, flaw }
}
