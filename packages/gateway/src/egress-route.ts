import { AmcError, type EgressRule } from "@amc/core"
import { type ExceptedRange, isOwnAddress, judgeAddress } from "./egress-address.ts"
import type { Lookups } from "./egress-lookup.ts"
import type { EgressTarget } from "./egress-target.ts"
import type { HeldAllowlist } from "./held-allowlist.ts"

/** Where agents may connect to. What is not allowed is refused. */
export interface EgressPolicy {
  readonly allow: readonly EgressRule[]
  /** Ranges of private and special addresses that are allowed all the same. */
  readonly exceptions: readonly string[]
  /** `host:port` of the providers that agents reach through the gateway, where calls are seen, and no other way. */
  readonly providers: readonly string[]
}

/** Nothing at all: what counts where no valid signature covers the config. */
export const nothingAllowed: EgressPolicy = { allow: [], exceptions: [], providers: [] }

/** A target that may be dialled, and the one address that is. */
export interface EgressRoute {
  readonly target: EgressTarget
  readonly address: string
  readonly rule: string
  readonly exception: string
}

export interface RouteTerms {
  readonly policy: EgressPolicy
  /** The policy's, read. */
  readonly exceptions: readonly ExceptedRange[]
  readonly lookups: Lookups
  /** Answers that were judged and let through, with the exception that each needs: to list this machine's addresses takes long. */
  readonly judged: WeakMap<readonly string[], string>
  /** Whether AMC itself listens on a port of this machine. */
  readonly isOwnPort: (port: number) => boolean
}

const defaultPorts = [443, 80]

/** The entry of the allowlist that names a target. A star stands for names below the domain, never for an address. */
function findRule(
  allow: readonly EgressRule[],
  { host, port, isAddress }: EgressTarget,
): EgressRule | undefined {
  return allow.find(({ kind, name, port: allowed }) => {
    if (allowed === null ? !defaultPorts.includes(port) : allowed !== port) return false
    if ((kind === "address") !== isAddress) return false
    return kind === "below" ? host.endsWith(`.${name}`) : host === name
  })
}

/**
 * Finds the way to a target: by the allowlist and each that narrows it, then by name, and only if every address of the name may be
 * reached. The address is dialled as it is, so that a second answer of the name's server changes nothing.
 *
 * @throws {@link AmcError} `egress/not-allowed`, `egress/provider`, `egress/denied-address`, `egress/unresolved`,
 * `egress/timeout`, `egress/busy`
 */
export async function routeTo(
  { policy, exceptions, lookups, judged, isOwnPort }: RouteTerms,
  target: EgressTarget,
  narrowed: readonly HeldAllowlist[] = [],
): Promise<EgressRoute> {
  const rule = findRule(policy.allow, target)
  if (rule === undefined) throw notAllowed("the allowlist")
  for (const { allow, source } of narrowed)
    if (findRule(allow, target) === undefined) throw notAllowed(`the allowlist of ${source}`)
  refuseProvider(policy, target.host, target.port)
  const addresses = target.isAddress ? ([target.host] as const) : await lookups.find(target.host)
  const exception = judged.get(addresses) ?? judgeAll(addresses, exceptions)
  judged.set(addresses, exception)
  for (const address of addresses) refuseProvider(policy, address, target.port)
  if (isOwnPort(target.port))
    for (const address of addresses) if (isOwnAddress(address)) throw denied(address, "AMC itself")
  return { target, address: addresses[0], rule: rule.text, exception }
}

function refuseProvider({ providers }: EgressPolicy, host: string, port: number): void {
  if (providers.includes(`${host}:${port}`))
    throw new AmcError(
      "egress/provider",
      "agents reach a provider through the gateway, not beside it",
    )
}

/** Requires that every address may be reached; gives the exception that the first one needs. */
function judgeAll(addresses: readonly string[], exceptions: readonly ExceptedRange[]): string {
  const verdicts = addresses.map((address) => {
    const verdict = judgeAddress(address, exceptions)
    if (verdict.denial !== null) throw denied(address, verdict.denial)
    return verdict
  })
  return verdicts[0]?.exception ?? ""
}

function notAllowed(list: string): AmcError {
  return new AmcError("egress/not-allowed", `${list} does not name this host and port`)
}

function denied(address: string, why: string): AmcError {
  return new AmcError("egress/denied-address", `it leads to ${address} (${why})`)
}
