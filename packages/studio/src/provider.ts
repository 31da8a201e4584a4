import type { GatewayConfig, ProviderConfig } from "@amc/core"
import { storeProviderKey, vaultPathOf } from "@amc/vault"
import { configEvent, openCapture, requireNewest, withMonitorPassphrase } from "./capture.ts"
import { againstHistory, readConfigHistory } from "./config-history.ts"
import {
  gatewayConfigPath,
  loadGatewayConfig,
  signedProviders,
  writeProvider,
} from "./gateway-config.ts"
import { hasLedger } from "./ledger-reader.ts"
import type { LoadedConfig } from "./signed-config.ts"
import type { Workspace } from "./workspace.ts"

export interface ProviderTerms {
  readonly provider: ProviderConfig
  /** Kept in the vault; null for a provider that needs none. */
  readonly key: Uint8Array | null
  /** Forget all other providers, as a gateway.yaml that nobody signed for can only be repaired. */
  readonly replace?: boolean
  readonly clock: () => number
}

/**
 * Lets the gateway forward to a provider: its key into the vault, its place into the signed config, and
 * both into the ledger. What is signed goes on only from what was signed before.
 *
 * @throws {@link AmcError} `input/malformed`, `vault/locked`, `vault/damaged`, `store/damaged`,
 * `ledger/lane-taken`
 */
export async function addProvider(
  workspace: Workspace,
  { provider, key, replace = false, clock }: ProviderTerms,
): Promise<LoadedConfig<GatewayConfig>> {
  // Before the key goes into the vault, so that a refusal leaves everything as it was.
  await requireNewest(workspace)
  if (!replace) await requireSigned(workspace, clock())
  if (key !== null)
    await withMonitorPassphrase(workspace, (passphrase) =>
      storeProviderKey(vaultPathOf(workspace.dir), passphrase, provider.id, key),
    )
  const capture = await openCapture(workspace, { clock, replacesGateway: replace })
  try {
    const others = replace ? [] : signedProviders(capture.gatewayConfig)
    const last = capture.configHistory.get(gatewayConfigPath)?.version
    const config = await writeProvider(workspace, others, provider, capture.notary, last)
    await capture.recorder.record(configEvent(config))
    return config
  } finally {
    await capture.close()
  }
}

async function requireSigned(workspace: Workspace, now: number): Promise<void> {
  const history = hasLedger(workspace) ? await readConfigHistory(workspace) : new Map()
  signedProviders(againstHistory(loadGatewayConfig(workspace, now), history))
}
