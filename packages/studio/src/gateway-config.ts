import { BlockList, isIP } from "node:net"
import { isAbsolute, join } from "node:path"
import { AmcError, type GatewayConfig, gatewayConfigSchema, type ProviderConfig } from "@amc/core"
import type { Upstream } from "@amc/gateway"
import type { Notary } from "@amc/vault"
import { stringify } from "yaml"
import { loadConfig, type LoadedConfig, writeConfig } from "./signed-config.ts"
import type { Workspace } from "./workspace.ts"

export const gatewayConfigPath = "gateway.yaml"

export function loadGatewayConfig(workspace: Workspace, now: number): LoadedConfig<GatewayConfig> {
  return loadConfig(workspace, gatewayConfigPath, gatewayConfigSchema, now)
}

/** Puts a provider into the signed gateway config, in place of one of the same id. */
export async function writeProvider(
  workspace: Workspace,
  provider: ProviderConfig,
  notary: Notary,
  now: number,
  lastVersion = 0,
): Promise<LoadedConfig<GatewayConfig>> {
  const { value } = loadGatewayConfig(workspace, now)
  const providers = [...value.providers.filter(({ id }) => id !== provider.id), provider].sort(
    (a, b) => (a.id < b.id ? -1 : 1),
  )
  return writeConfig(
    workspace,
    gatewayConfigPath,
    stringify({ v: 1, providers }),
    gatewayConfigSchema,
    notary,
    lastVersion,
  )
}

/** The provider of this id. @throws {@link AmcError} `usage/invalid` */
export function findProvider(config: GatewayConfig, id: string): ProviderConfig {
  const provider = config.providers.find((each) => each.id === id)
  if (provider !== undefined) return provider
  const known = config.providers.map((each) => each.id).join(", ")
  throw new AmcError("usage/invalid", `gateway.yaml names no provider '${id}'`, {
    hint: `it names: ${known}; add one with 'amc provider add'`,
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
