export { createEgress, type Egress, type EgressDoor, type EgressTerms } from "./egress.ts"
export { defaultEgressLimits, type EgressLimits } from "./egress-limits.ts"
export { type EgressPolicy, nothingAllowed } from "./egress-route.ts"
export { createGateway, type Gateway, type GatewayTerms, type ListenAt } from "./gateway.ts"
export {
  type Door,
  type Ingress,
  type Lease,
  LeaseBook,
  leaseFacts,
  leasePrefix,
  type LeaseTerms,
} from "./lease.ts"
export { defaultLimits, type GatewayLimits } from "./limits.ts"
export { SecretScanner, type SecretStream } from "./secret-scanner.ts"
export { type KeyPlace, type Upstream } from "./upstream.ts"
