import { AmcError, type EgressRule } from "@amc/core"
import { type ExceptedRange, isOwnAddress, judgeAddress } from "./egress-address.ts"
import type { Lookups } from "./egress-lookup.ts"
import type { EgressTarget } from "./egress-target.ts"

/** Where agents may connect to. What is not allowed is refused. */
export interface EgressPolicy {
  readonly allow: readonly EgressRule[]
  /** Ranges of private and special addresses that are allowed all the same. */
  readonly exceptions: readonly string[]
}

/** Nothing at all: what counts where no valid signature covers the config. */
export const nothingAllowed: EgressPolicy = { allow: [], exceptions: [] }

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
  /** Whether AMC itself listens on a port of this machine. */
  readonly isOwnPort: (port: number) => boolean
}

const defaultPorts = [443, 80]

/** The entry of the allowlist that names a target. A star stands for names below the domain, never for an address. */
function findRule(
  { allow }: EgressPolicy,
  { host, port, isAddress }: EgressTarget,
): EgressRule | undefined {
  return allow.find(({ kind, name, port: allowed }) => {
    if (allowed === null ? !defaultPorts.includes(port) : allowed !== port) return false
    if ((kind === "address") !== isAddress) return false
    return kind === "below" ? host.endsWith(`.${name}`) : host === name
  })
}

/**
 * Finds the way to a target: by the allowlist, then by name, and only if every address of the name may be
 * reached. The address is dialled as it is, so that a second answer of the name's server changes nothing.
 *
 * @throws {@link AmcError} `egress/not-allowed`, `egress/denied-address`, `egress/unresolved`,
 * `egress/timeout`, `egress/busy`
 */
export async function routeTo(
  { policy, exceptions, lookups, isOwnPort }: RouteTerms,
  target: EgressTarget,
): Promise<EgressRoute> {
  const rule = findRule(policy, target)
  if (rule === undefined)
    throw new AmcError("egress/not-allowed", "the allowlist does not name this host and port")
  const addresses = target.isAddress ? ([target.host] as const) : await lookups.find(target.host)
  const verdicts = addresses.map((address) => {
    const verdict = judgeAddress(address, exceptions)
    if (verdict.denial !== null) throw denied(address, verdict.denial)
    if (isOwnPort(target.port) && isOwnAddress(address)) throw denied(address, "AMC itself")
    return verdict
  })
  const exception = verdicts[0]?.exception ?? ""
  return { target, address: addresses[0], rule: rule.text, exception }
}

function denied(address: string, why: string): AmcError {
  return new AmcError("egress/denied-address", `it leads to ${address} (${why})`)
}
