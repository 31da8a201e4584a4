import type { IncomingMessage } from "node:http"
import { AmcError } from "@amc/core"
import type { ConnectionLeases } from "./connection-leases.ts"
import { type Presented, presentedIn } from "./header-fields.ts"
import { type Door, type Lease, type LeaseBook, leasePrefix } from "./lease.ts"
import { type KeylessTarget, takeQueryKeys } from "./query-key.ts"
import { type Target, targetOf, unknownRoute } from "./target.ts"
import type { Upstream } from "./upstream.ts"

/** By what a request's lease is judged. */
export interface RequestLeaseTerms {
  readonly leases: LeaseBook
  readonly connections: ConnectionLeases
  /** By route. */
  readonly providers: ReadonlyMap<string, Upstream>
}

/**
 * What a request asks for, without the keys in its query.
 *
 * @throws {@link AmcError} `gateway/bad-request`
 */
export function requestedTarget(
  { providers }: Pick<RequestLeaseTerms, "providers">,
  { url = "", method }: IncomingMessage,
): KeylessTarget {
  if (method === "TRACE")
    throw new AmcError("gateway/bad-request", "the answer to TRACE would show the provider's key")
  const target = targetOf(url)
  return takeQueryKeys(target, providers.get(target.route))
}

/**
 * The lease with which a request comes in. It is good, and counts for what the request asks for.
 *
 * @throws {@link AmcError} `gateway/unknown-route`, `gateway/aws-signature`, `gateway/bad-request`,
 * `gateway/foreign-key`, `gateway/no-lease`, `gateway/lease-elsewhere`, and as {@link ConnectionLeases.find} does
 */
export function requestLease(
  { connections, providers }: RequestLeaseTerms,
  { socket }: IncomingMessage,
  door: Door,
  presented: Presented,
  { route, rest }: Target,
): Lease {
  if (route !== "amc" && !providers.has(route)) throw unknownRoute()
  if (presented.lease === null) throw leaseless(presented, rest)
  const lease = connections.find(socket, presented.lease, door)
  if (route !== "amc" && !lease.providers.includes(route))
    throw new AmcError("gateway/lease-elsewhere", "the lease does not count for this provider")
  return lease
}

function leaseless({ hasForeign, isSigned }: Presented, rest: string): AmcError {
  if (isSigned)
    return new AmcError("gateway/aws-signature", "an AWS signature holds for one host only", {
      hint: "give the client the lease as AWS_BEARER_TOKEN_BEDROCK, and no AWS keys",
    })
  if (rest.includes(leasePrefix))
    return new AmcError("gateway/bad-request", "a lease in the target is not taken there", {
      hint: "send the lease in a header: authorization, x-api-key, x-goog-api-key or api-key",
    })
  if (hasForeign)
    return new AmcError("gateway/foreign-key", "the request carries a key that is no lease", {
      hint: "give the client the lease as its API key; keys of providers stay with AMC",
    })
  return new AmcError("gateway/no-lease", "the request carries no lease")
}

/** Whose a request is that was refused before its lease mattered; null if no good lease says it. */
export function refusedLease(
  terms: Omit<RequestLeaseTerms, "connections">,
  door: Door,
  request: IncomingMessage,
): Lease | null {
  try {
    const presented = presentedIn(request.rawHeaders, queryKeys(terms, request))
    return terms.leases.find(presented.lease ?? "", door)
  } catch (error) {
    if (error instanceof AmcError) return null
    throw error
  }
}

/** None in a target that is refused. */
function queryKeys(
  terms: Pick<RequestLeaseTerms, "providers">,
  request: IncomingMessage,
): readonly string[] {
  try {
    return requestedTarget(terms, request).keys
  } catch (error) {
    if (error instanceof AmcError) return []
    throw error
  }
}
