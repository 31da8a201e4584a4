import { AmcError, type GatewayConfig, isFault, type ProviderConfig } from "@amc/core"
import { keptProviderKeys, storeProviderKey, vaultPathOf } from "@amc/vault"
import { type Capture, requireNewest } from "./capture.ts"
import { changeConfig } from "./config-change.ts"
import {
  findProvider,
  gatewaySettings,
  requireSigned,
  upstreamOf,
  withProvider,
} from "./gateway-config.ts"
import { judgedGatewayConfig } from "./judged-gateway.ts"
import { withPassphrase } from "./passphrase-source.ts"
import type { LoadedConfig } from "./signed-config.ts"
import { providerKindOf, providerPresets } from "./provider-preset.ts"
import { keyPlaceOf, type KeyStanding, keyStandingOf } from "./upstream-key.ts"
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
 * @throws {@link AmcError} `usage/invalid`, `input/malformed`, `vault/locked`, `vault/damaged`,
 * `store/damaged`, `ledger/lane-taken`
 */
export async function addProvider(
  workspace: Workspace,
  { provider, key, replace = false, clock }: ProviderTerms,
): Promise<LoadedConfig<GatewayConfig>> {
  if (key !== null) requirePrivateWay(workspace, provider)
  // Before the key goes into the vault, so that a refusal leaves everything as it was.
  await requireNewest(workspace)
  if (!replace) requireSigned(await judgedGatewayConfig(workspace, clock()))
  if (key !== null)
    await withPassphrase(workspace, "monitor", (passphrase) =>
      storeProviderKey(vaultPathOf(workspace.dir), passphrase, provider.id, {
        key,
        goesTo: keyPlaceOf(workspace, provider),
      }),
    )
  return changeConfig(workspace, { clock, replacesGateway: replace }, ({ gatewayConfig }) =>
    gatewaySettings(withProvider(replace ? nothing : requireSigned(gatewayConfig), provider)),
  )
}

const nothing: GatewayConfig = { v: 1, providers: [] }

/** A key that goes over plain http can be read by everybody on the way. */
function requirePrivateWay(workspace: Workspace, provider: ProviderConfig): void {
  const { origin, loopback } = upstreamOf(workspace, provider, null)
  if (loopback || origin.startsWith("https:")) return
  throw new AmcError("usage/invalid", `${origin} would get the key over http, for all to read`, {
    hint: "use https, or leave the key out",
  })
}

/** How it stands with a provider's key; `locked` where the vault can't be opened to see. */
export type ProviderKeyState = KeyStanding | "locked"

/** A provider, and whether it gets its key. */
export interface ListedProvider extends ProviderConfig {
  readonly key: ProviderKeyState
}

/**
 * The providers of gateway.yaml, signed or not, and what the signature is worth.
 *
 * @throws {@link AmcError} `input/malformed`, `vault/damaged`, `vault/missing`
 */
export async function listProviders(
  workspace: Workspace,
  now: number,
): Promise<{
  readonly config: LoadedConfig<GatewayConfig>
  readonly providers: readonly ListedProvider[]
}> {
  const config = await judgedGatewayConfig(workspace, now)
  const keys = await keyStandings(workspace, config)
  const providers = config.value.providers.map((provider) => ({
    ...provider,
    key: keys.get(provider.id) ?? "none",
  }))
  return { config, providers }
}

async function keyStandings(
  workspace: Workspace,
  config: LoadedConfig<GatewayConfig>,
): Promise<ReadonlyMap<string, ProviderKeyState>> {
  const kept = await keptOrLocked(workspace)
  const standing = (provider: ProviderConfig): ProviderKeyState =>
    kept === null ? "locked" : keyStandingOf(workspace, config, provider, kept.get(provider.id))
  return new Map(config.value.providers.map((provider) => [provider.id, standing(provider)]))
}

async function keptOrLocked(workspace: Workspace): Promise<ReadonlyMap<string, string> | null> {
  try {
    return await withPassphrase(workspace, "monitor", (passphrase) =>
      keptProviderKeys(vaultPathOf(workspace.dir), passphrase),
    )
  } catch (error) {
    if (isFault(error, "vault/locked", "vault/wrong-passphrase", "vault/backing-off")) return null
    throw error
  }
}

/** The providers of a session, and what the owner should know of them before an agent calls them. */
export interface ChosenProviders {
  readonly providers: readonly ProviderConfig[]
  /** A config that nobody signed for, a key that is held back, a key that is not there. */
  readonly warnings: readonly string[]
}

/**
 * The providers of these ids. Without any, those that get a key; where none does, `openai` or the only
 * one that there is.
 *
 * @throws {@link AmcError} `usage/invalid`, `vault/wrong-passphrase`, `vault/locked`, `vault/damaged`
 */
export async function chooseProviders(
  { workspace, gatewayConfig }: Capture,
  ids: readonly string[],
): Promise<ChosenProviders> {
  const { flaw, value } = gatewayConfig
  for (const id of ids) findProvider(value, id)
  const keys = await keyStandings(workspace, gatewayConfig)
  const named = ids.length > 0 ? ids : usualProviders(value, keys)
  const providers = [...new Set(named)].map((id) => findProvider(value, id))
  const unsigned =
    flaw === null
      ? []
      : [
          `${flaw.detail}: no provider gets its key, and the results are worth less; look at what it names, then sign it with 'amc config sign gateway.yaml'`,
        ]
  const told = providers.flatMap((each) => keyWarning(workspace, each, keys.get(each.id)))
  return { providers, warnings: [...unsigned, ...told] }
}

function usualProviders(
  { providers }: GatewayConfig,
  keys: ReadonlyMap<string, ProviderKeyState>,
): readonly string[] {
  const all = providers.map(({ id }) => id)
  const given = all.filter((id) => keys.get(id) === "given")
  if (given.length > 0) return given
  return all.length === 1 && !all.includes("openai") ? all : ["openai"]
}

function keyWarning(
  workspace: Workspace,
  provider: ProviderConfig,
  standing: ProviderKeyState | undefined,
): string[] {
  const { id } = provider
  const { loopback } = upstreamOf(workspace, provider, null)
  const { upstream } = providerPresets[provider.kind]
  const where = upstream === provider.upstream ? "" : ` --upstream ${provider.upstream}`
  const kind = providerKindOf(id, undefined) === provider.kind ? "" : ` --kind ${provider.kind}`
  const add = `amc provider add ${id}${kind}${where} --key-file <file>`
  if (standing === "elsewhere")
    return [
      `the key of ${id} was given for another place than ${keyPlaceOf(workspace, provider)}, so it is held back; if that place is right: '${add}'`,
    ]
  // A server of one's own may need none.
  return standing === "none" && !loopback ? [`provider ${id} has no key: '${add}'`] : []
}
