export { createEgress, type Egress, type EgressDoor, type EgressTerms } from "./egress.ts"
export { defaultEgressLimits, type EgressLimits } from "./egress-limits.ts"
export { type EgressPolicy, nothingAllowed } from "./egress-route.ts"
export type { HeldAllowlist } from "./held-allowlist.ts"
export { BudgetBook, type SpentBefore } from "./budget-book.ts"
export { createGateway, type Gateway, type GatewayTerms } from "./gateway.ts"
export { type HeldPolicy, leaseSource } from "./held-policy.ts"
export {
  type Door,
  type Ingress,
  type Lease,
  LeaseBook,
  leaseFacts,
  leasePrefix,
  type LeaseTerms,
  type ListedLease,
} from "./lease.ts"
export type { ListenAt } from "./listeners.ts"
export { defaultLimits, type GatewayLimits } from "./limits.ts"
export { PriceList } from "./price-list.ts"
export { type Amounts, noAmounts, sumAmounts } from "./purse.ts"
export { SecretScanner, type SecretStream } from "./secret-scanner.ts"
export { removeStored, type Storable, StoredBody } from "./stored-body.ts"
export type { SessionPass, SessionSource } from "./session-source.ts"
export { boundsOf, type Outlay, spentOn } from "./spending.ts"
export { type KeyPlace, type Upstream } from "./upstream.ts"
export { WireReader, type WireRequest } from "./wire-reader.ts"
