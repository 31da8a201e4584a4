import type { GatewayConfig, ProviderConfig } from "@amc/core"
import { openProviderKey, vaultPathOf } from "@amc/vault"
import { upstreamOf } from "./gateway-config.ts"
import type { LoadedConfig } from "./signed-config.ts"
import type { Workspace } from "./workspace.ts"

/** Whether a provider gets its key: `given`, or why not. */
export type KeyStanding = "given" | "none" | "unsigned" | "elsewhere"

/** The one place that a provider's key may be sent to: its socket if it has one, else its origin. */
export function keyPlaceOf(workspace: Workspace, provider: ProviderConfig): string {
  const { origin, socketPath } = upstreamOf(workspace, provider, null)
  return socketPath === undefined ? new URL(origin).origin : `unix:${socketPath}`
}

/**
 * Judges whether a provider gets the key that is kept for `goesTo`. A gateway.yaml that no valid
 * signature covers gives no key to anybody: whoever edited it could have put their own server there.
 */
export function keyStandingOf(
  workspace: Workspace,
  { flaw }: LoadedConfig<GatewayConfig>,
  provider: ProviderConfig,
  goesTo: string | undefined,
): KeyStanding {
  if (goesTo === undefined) return "none"
  if (flaw !== null) return "unsigned"
  return goesTo === keyPlaceOf(workspace, provider) ? "given" : "elsewhere"
}

/**
 * The key that a provider gets, or null. The caller wipes it.
 *
 * @throws {@link AmcError} `vault/wrong-passphrase`, `vault/damaged`, `vault/missing`
 */
export async function openUpstreamKey(
  workspace: Workspace,
  config: LoadedConfig<GatewayConfig>,
  provider: ProviderConfig,
  passphrase: Uint8Array,
): Promise<Uint8Array | null> {
  const kept = await openProviderKey(vaultPathOf(workspace.dir), passphrase, provider.id)
  if (kept === null) return null
  if (keyStandingOf(workspace, config, provider, kept.goesTo) === "given") return kept.key
  kept.key.fill(0)
  return null
}
