import { type AmcError, type AuditCode, type ErrorCode, isFault } from "@amc/core"
import { type Problem, problemOf, problemOfFault } from "./problem.ts"

/** By which audit a refusal is told; what only a network or a ledger is to blame for is no audit. */
export function egressAuditCode(code: ErrorCode): AuditCode | null {
  if (code === "egress/connection-limit" || code === "egress/byte-limit")
    return "SESSION_LIMIT_EXCEEDED"
  if (code === "egress/busy" || code === "egress/unresolved" || code === "gateway/defect")
    return "GATEWAY_REQUEST_REFUSED"
  if (code.startsWith("gateway/lease")) return "LEASE_REFUSED"
  return silent.includes(code) ? null : "NETWORK_EGRESS_BLOCKED"
}

const silent: readonly ErrorCode[] = [
  // Many clients ask without credentials first, to be told which are wanted.
  "gateway/no-lease",
  "gateway/cannot-record",
  "egress/unreachable",
  "egress/timeout",
]

/** The answer to what is refused. A proxy asks for credentials in its own way. */
export function egressProblem(error: AmcError): Problem {
  return isFault(error, ...unwelcome)
    ? problemOf(error.code, error.message, 407)
    : problemOfFault(error)
}

/** The headers that go with {@link egressProblem}. */
export function challengeOf(error: AmcError): readonly string[] {
  return isFault(error, ...unwelcome) ? ["proxy-authenticate", 'Basic realm="AMC lease"'] : []
}

const unwelcome: readonly ErrorCode[] = [
  "gateway/no-lease",
  "gateway/lease-unknown",
  "gateway/lease-expired",
  "gateway/lease-revoked",
]
