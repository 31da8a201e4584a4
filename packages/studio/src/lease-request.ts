import type { EgressNarrowing, WirePolicy } from "@amc/core"
import type { ListedLease } from "@amc/gateway"

/** What a lease is asked for with. What signed config allows can only be narrowed. */
export interface LeaseRequest {
  readonly agent: string
  readonly providers: readonly string[]
  readonly ttl_ms: number
  readonly policy?: WirePolicy | undefined
  readonly egress?: EgressNarrowing | undefined
}

/** A lease with its token, which is given once. */
export interface IssuedLease {
  readonly token: string
  readonly lease: ListedLease
}
