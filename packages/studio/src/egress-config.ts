import {
  AmcError,
  type EgressConfig,
  egressRules,
  type GatewayConfig,
  type ProviderConfig,
} from "@amc/core"
import { type EgressPolicy, nothingAllowed } from "@amc/gateway"
import { type Capture, requireNewest } from "./capture.ts"
import { changeConfig } from "./config-change.ts"
import { gatewaySettings, requireSigned } from "./gateway-config.ts"
import { judgedGatewayConfig } from "./judged-gateway.ts"
import type { LoadedConfig } from "./signed-config.ts"
import type { Workspace } from "./workspace.ts"

const none: EgressConfig = { allow: [], addresses: [] }

/** Where agents may connect to. What no valid signature covers allows nothing. */
export function egressPolicyOf({ value, flaw }: LoadedConfig<GatewayConfig>): EgressPolicy {
  if (flaw !== null || value.egress === undefined) return nothingAllowed
  const { allow, addresses } = value.egress
  const providers = value.providers.flatMap(placesOfProvider)
  return { allow: egressRules(allow), exceptions: addresses, providers }
}

/** Where the gateway dials a provider; nowhere on the network if it is behind a socket. */
function placesOfProvider({ upstream, socket }: ProviderConfig): readonly string[] {
  if (socket !== null) return []
  const { protocol, hostname, port } = new URL(upstream)
  const named = port === "" ? (protocol === "https:" ? 443 : 80) : port
  return [`${hostname.replace(/^\[|[\].]$/gu, "")}:${named}`]
}

/** What the owner should know before an agent starts. */
export function egressWarnings({ gatewayConfig: { value, flaw } }: Capture): readonly string[] {
  if (flaw === null || (value.egress?.allow.length ?? 0) === 0) return []
  return [
    "the allowlist of gateway.yaml does not count without its signature: agents can connect to nothing",
  ]
}

/** What to do with the allowlist. */
export interface EgressEdit {
  readonly kind: "allow" | "remove"
  /** An entry of the allowlist, if one is meant. */
  readonly place: string | null
  /** A range of private or special addresses, if one is meant. */
  readonly addresses: string | null
}

/**
 * Changes the allowlist in the signed config, and records the change. What is signed goes on only from what
 * was signed before.
 *
 * @throws {@link AmcError} `usage/invalid`, `input/malformed`, `vault/locked`, `vault/damaged`,
 * `store/damaged`, `ledger/lane-taken`
 */
export async function editEgress(
  workspace: Workspace,
  edit: EgressEdit,
  clock: () => number,
): Promise<LoadedConfig<GatewayConfig>> {
  await requireNewest(workspace)
  edited(requireSigned(await judgedGatewayConfig(workspace, clock())), edit)
  return changeConfig(workspace, { clock }, ({ gatewayConfig }) =>
    gatewaySettings(edited(requireSigned(gatewayConfig), edit)),
  )
}

/** The allowlist as it is written, and what its signature is worth. @throws {@link AmcError} `input/malformed` */
export async function listEgress(
  workspace: Workspace,
  now: number,
): Promise<{ readonly config: LoadedConfig<GatewayConfig>; readonly egress: EgressConfig }> {
  const config = await judgedGatewayConfig(workspace, now)
  return { config, egress: config.value.egress ?? none }
}

function edited(config: GatewayConfig, { kind, place, addresses }: EgressEdit): GatewayConfig {
  const { egress = none } = config
  const change = kind === "allow" ? added : removed
  if (kind === "allow" && place !== null) refuseProvider(config, place)
  return {
    ...config,
    egress: {
      allow: place === null ? egress.allow : change(egress.allow, place),
      addresses: addresses === null ? egress.addresses : change(egress.addresses, addresses),
    },
  }
}

/** What the proxy would refuse all the same is not signed for. */
function refuseProvider({ providers }: GatewayConfig, text: string): void {
  const [rule] = egressRules([text])
  if (rule === undefined || rule.kind === "below") return
  const ports = rule.port === null ? [443, 80] : [rule.port]
  const places = ports.map((port) => `${rule.name}:${port}`)
  const provider = providers.find((each) =>
    placesOfProvider(each).some((place) => places.includes(place)),
  )
  if (provider !== undefined)
    throw new AmcError("usage/invalid", `'${text}' is the provider ${provider.id}`, {
      hint: "agents reach it through the gateway, where calls are seen: see 'amc provider list'",
    })
}

function added(list: readonly string[], text: string): readonly string[] {
  if (list.includes(text)) throw new AmcError("usage/invalid", `'${text}' is allowed already`)
  return [...list, text].sort()
}

function removed(list: readonly string[], text: string): readonly string[] {
  if (list.includes(text)) return list.filter((each) => each !== text)
  const known = list.length === 0 ? "it is empty" : `it holds ${list.join(", ")}`
  throw new AmcError("usage/invalid", `'${text}' is not in the list`, { hint: known })
}
