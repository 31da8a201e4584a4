import type { IncomingMessage } from "node:http"
import type { Recorder } from "@amc/core"
import type { Pool } from "undici"
import type { Admission } from "./admission.ts"
import type { AuditGate } from "./audit-gate.ts"
import type { CallIds } from "./call-ids.ts"
import type { ClientLink } from "./client-link.ts"
import type { Ingress, Lease, LeaseBook } from "./lease.ts"
import type { GatewayLimits } from "./limits.ts"
import type { ReceiptShelf } from "./receipt-shelf.ts"
import type { SecretScanner } from "./secret-scanner.ts"
import type { Upstream } from "./upstream.ts"

/** What all calls of a gateway share. */
export interface CallWorld {
  readonly recorder: Recorder
  readonly audits: AuditGate
  readonly receipts: ReceiptShelf
  readonly callIds: CallIds
  readonly leases: LeaseBook
  readonly admission: Admission
  readonly limits: GatewayLimits
  readonly clock: () => number
  readonly random: (size: number) => Uint8Array
  readonly spoolDir: string
  readonly monitorKid: string
}

/** What one call is about. */
export interface CallTerms {
  readonly request: IncomingMessage
  readonly client: ClientLink
  readonly lease: Lease
  /** The session that the call is part of. */
  readonly session: string
  readonly ingress: Ingress
  readonly upstream: Upstream
  readonly pool: Pool
  /** The client's header fields that are forwarded as they came. */
  readonly forwarded: readonly string[]
  /** What follows the route in the request's target, with the query. */
  readonly target: string
  /** Knows this call's lease and key. */
  readonly secrets: SecretScanner
}
