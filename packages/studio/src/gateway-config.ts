import { isIP } from "node:net"
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

function isLoopback(origin: string): boolean {
  const { hostname } = new URL(origin)
  const host = hostname.replaceAll(/[[\]]/g, "")
  return (
    host === "localhost" ||
    host.endsWith(".localhost") ||
    host === "::1" ||
    (isIP(host) === 4 && host.startsWith("127."))
  )
}
