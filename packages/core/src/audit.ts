import { z } from "zod"

/** What AMC says about itself and about the agent's tries to get around it. The list is closed. */
export const auditCodes = [
  "CONFIG_UNSIGNED",
  "CONFIG_SIGNATURE_INVALID",
  "CONFIG_CLAIM_CONTRADICTED",
  "SANDBOX_EXECUTION_ENABLED",
  "TRUST_BOUNDARY_SHARED",
  "TRUST_BOUNDARY_VIOLATED",
  "TRUST_BOUNDARY_DRIFT",
  "GATEWAY_REQUEST_REFUSED",
  "GATEWAY_UPSTREAM_REDIRECT",
  "LEASE_REFUSED",
  "NETWORK_EGRESS_BLOCKED",
  "PROVIDER_KEY_PRESENTED",
  "POLICY_REFUSED",
  "BUDGET_EXCEEDED",
  "SECRET_SEEN",
  "SESSION_LIMIT_EXCEEDED",
  "VAULT_UNLOCK_FAILED",
  "CHECKPOINT_FAILED",
  "TRACE_RECEIPT_INVALID",
  "TRACE_EVENT_HASH_NOT_FOUND",
  "TRACE_BODY_HASH_MISMATCH",
  "TRACE_AGENT_MISMATCH",
  "TRACE_CORRELATION_LOW",
] as const

export type AuditCode = (typeof auditCodes)[number]
export const auditCode: z.ZodEnum<{ [K in AuditCode]: K }> = z.enum(auditCodes)
