import type { GatewayConfig, ProviderConfig } from "@amc/core"
import { storeProviderKey, vaultPathOf } from "@amc/vault"
import { configEvent, openCapture, withMonitorPassphrase } from "./capture.ts"
import { gatewayConfigPath, writeProvider } from "./gateway-config.ts"
import type { LoadedConfig } from "./signed-config.ts"
import type { Workspace } from "./workspace.ts"

/**
 * Lets the gateway forward to a provider: its key into the vault, its place into the signed config, and
 * both into the ledger.
 *
 * @throws {@link AmcError} `input/malformed`, `vault/locked`, `ledger/lane-taken`
 */
export async function addProvider(
  workspace: Workspace,
  provider: ProviderConfig,
  key: Uint8Array | null,
  clock: () => number,
): Promise<LoadedConfig<GatewayConfig>> {
  if (key !== null)
    await withMonitorPassphrase(workspace, (passphrase) =>
      storeProviderKey(vaultPathOf(workspace.dir), passphrase, provider.id, key),
    )
  const capture = await openCapture(workspace, { clock })
  try {
    const last = capture.configHistory.get(gatewayConfigPath)?.version
    const config = await writeProvider(workspace, provider, capture.notary, clock(), last)
    await capture.recorder.record(configEvent(config))
    return config
  } finally {
    await capture.close()
  }
}
