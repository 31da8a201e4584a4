import { existsSync } from "node:fs"
import { BlockList, isIP } from "node:net"
import { isAbsolute, join } from "node:path"
import {
  AmcError,
  type GatewayConfig,
  gatewayConfigSchema,
  isFault,
  type ProviderConfig,
  sha256Hex,
} from "@amc/core"
import type { Upstream } from "@amc/gateway"
import { type ConfigSettings, loadConfig, type LoadedConfig } from "./signed-config.ts"
import type { Workspace } from "./workspace.ts"

export const gatewayConfigPath = "gateway.yaml"

export function hasGatewayConfig({ dir }: Workspace): boolean {
  return existsSync(join(dir, gatewayConfigPath))
}

export function loadGatewayConfig(workspace: Workspace, now: number): LoadedConfig<GatewayConfig> {
  return loadConfig(workspace, gatewayConfigPath, gatewayConfigSchema, now)
}

/** The gateway config, with no providers where what is there can't be read. */
export function loadAnyGatewayConfig(
  workspace: Workspace,
  now: number,
): LoadedConfig<GatewayConfig> {
  try {
    return loadGatewayConfig(workspace, now)
  } catch (error) {
    if (!isFault(error)) throw error
    const bytes = new Uint8Array()
    const flaw = { code: "CONFIG_SIGNATURE_INVALID", detail: error.message } as const
    const nothing = { value: { v: 1, providers: [] }, bytes, sha256: sha256Hex(bytes) } as const
    return {
      path: gatewayConfigPath,
      ...nothing,
      signature: null,
      version: 0,
      flaw,
      endOfKey: null,
    }
  }
}

/** What a new version is made from. @throws {@link AmcError} `input/malformed` unless it is signed */
export function requireSigned({ value, flaw }: LoadedConfig<GatewayConfig>): GatewayConfig {
  if (flaw === null) return value
  throw new AmcError("input/malformed", `${flaw.detail}, so nothing is put beside what it names`, {
    hint: "look at what it names, then sign it with 'amc config sign gateway.yaml'; 'amc provider add --replace' starts a new list with one provider alone",
  })
}

/** The same config with one more provider, in place of one of the same id. */
export function withProvider(config: GatewayConfig, provider: ProviderConfig): GatewayConfig {
  const others = config.providers.filter(({ id }) => id !== provider.id)
  return { ...config, providers: [...others, provider].sort((a, b) => (a.id < b.id ? -1 : 1)) }
}

/** What a gateway config is to say. */
export function gatewaySettings(value: GatewayConfig): ConfigSettings<GatewayConfig> {
  return { path: gatewayConfigPath, value, schema: gatewayConfigSchema }
}

/** The provider of this id. @throws {@link AmcError} `usage/invalid` */
export function findProvider(config: GatewayConfig, id: string): ProviderConfig {
  const provider = config.providers.find((each) => each.id === id)
  if (provider !== undefined) return provider
  const known = config.providers.map((each) => each.id).join(", ")
  const named = known === "" ? "it names none (see 'amc config verify')" : `it names: ${known}`
  throw new AmcError("usage/invalid", `gateway.yaml names no provider '${id}'`, {
    hint: `${named}; add one with 'amc provider add'`,
  })
}

/** How the gateway dials a provider. */
export function upstreamOf(
  workspace: Workspace,
  provider: ProviderConfig,
  key: Uint8Array | null,
): Upstream {
  const socketPath = provider.socket === null ? undefined : socketPathOf(workspace, provider.socket)
  return {
    id: provider.id,
    origin: provider.upstream,
    basePath: provider.base_path,
    key,
    keyPlace: provider.auth === "bearer" ? "authorization" : provider.auth,
    loopback: socketPath !== undefined || isLoopback(provider.upstream),
    ...(socketPath === undefined ? {} : { socketPath }),
  }
}

function socketPathOf(workspace: Workspace, socket: string): string {
  return isAbsolute(socket) ? socket : join(workspace.dir, socket)
}

/** Addresses that reach this machine itself; to dial "any address" is to dial oneself. */
const ownAddresses = new BlockList()
ownAddresses.addSubnet("127.0.0.0", 8, "ipv4")
ownAddresses.addAddress("0.0.0.0", "ipv4")
ownAddresses.addAddress("::1", "ipv6")
ownAddresses.addAddress("::", "ipv6")

function isLoopback(origin: string): boolean {
  const host = new URL(origin).hostname.replaceAll(/[[\]]|\.$/g, "")
  const family = isIP(host)
  if (family !== 0) return ownAddresses.check(host, family === 6 ? "ipv6" : "ipv4")
  return host === "localhost" || host.endsWith(".localhost")
}
