import { AmcError, type AuditCode, type ErrorCode, errorCodes } from "@amc/core"
import type { AuditGate } from "./audit-gate.ts"
import type { Door, Lease, LeaseBook } from "./lease.ts"

/** A request whose head or body came too slowly. No call is left of it. */
export const slowRequest: AmcError = new AmcError(
  "gateway/slow-request",
  errorCodes["gateway/slow-request"],
)

/** Audits a request that was refused. Of one without a lease only its trouble with leases is told. */
export function auditRefusal(
  audits: AuditGate,
  visited: { readonly door: Door; readonly leases: LeaseBook },
  lease: Lease | null,
  error: unknown,
): void {
  const { door, leases } = visited
  if (!(error instanceof AmcError) || error.code === "gateway/unknown-receipt") return
  // A run's own socket takes in nobody else.
  const isOwn = error.code === "gateway/slow-request" && door.session !== null
  const isLeaseFault = /^gateway\/(?:lease|no-lease|foreign-key|aws-signature)/.test(error.code)
  if (lease === null && !isLeaseFault && !isOwn) return
  const whose =
    lease === null || isLeaseFault
      ? leases.visitorAt(door)
      : { agent: lease.agent, session: lease.session }
  void audits.report({
    ...whose,
    code: auditCodeOf(error.code, isLeaseFault),
    channel: `gateway:${door.ingress}`,
    subject: error.code,
    detail: error.message,
  })
}

function auditCodeOf(code: ErrorCode, isLeaseFault: boolean): AuditCode {
  if (code === "gateway/foreign-key") return "PROVIDER_KEY_PRESENTED"
  if (isLeaseFault) return "LEASE_REFUSED"
  if (code === "gateway/call-limit" || code === "gateway/byte-limit")
    return "SESSION_LIMIT_EXCEEDED"
  return code === "gateway/rate-limit" ? "POLICY_REFUSED" : "GATEWAY_REQUEST_REFUSED"
}

/** Audits a key that came beside a lease; it is dropped like one that comes alone. Nothing of it is kept. */
export function auditForeignKey(
  audits: AuditGate,
  { ingress }: Door,
  { agent, session }: Lease,
): void {
  void audits.report({
    code: "PROVIDER_KEY_PRESENTED",
    channel: `gateway:${ingress}`,
    agent,
    session,
    subject: "gateway/foreign-key",
    detail: "a key of the agent's own came beside its lease, and was not forwarded",
  })
}
