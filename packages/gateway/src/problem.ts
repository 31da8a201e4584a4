import { createHash } from "node:crypto"
import { STATUS_CODES } from "node:http"
import { AmcError, type ErrorCode, errorCodes } from "@amc/core"

const statuses: Partial<Record<ErrorCode, number>> = {
  "gateway/no-lease": 401,
  "gateway/lease-unknown": 401,
  "gateway/lease-expired": 401,
  "gateway/lease-revoked": 401,
  "gateway/foreign-key": 401,
  "gateway/aws-signature": 401,
  "gateway/lease-elsewhere": 403,
  "gateway/policy": 403,
  "gateway/unknown-route": 404,
  "gateway/unknown-receipt": 404,
  "gateway/bad-request": 400,
  "gateway/slow-request": 408,
  "gateway/body-too-large": 413,
  "gateway/byte-limit": 413,
  "gateway/call-limit": 429,
  "gateway/rate-limit": 429,
  "gateway/budget": 429,
  "gateway/upstream-unreachable": 502,
  "gateway/upstream-redirect": 502,
  "gateway/upstream-timeout": 504,
  "gateway/cannot-record": 503,
  "egress/bad-target": 400,
  "egress/host-mismatch": 400,
  "egress/not-allowed": 403,
  "egress/provider": 403,
  "egress/denied-address": 403,
  "egress/not-tls": 403,
  "egress/server-name": 403,
  "egress/connection-limit": 429,
  "egress/byte-limit": 429,
  "egress/unresolved": 502,
  "egress/unreachable": 502,
  "egress/busy": 503,
  "egress/timeout": 504,
  "gateway/locked": 503,
  "vault/locked": 503,
}

/** An answer of the gateway's own making. */
export interface Problem {
  readonly code: ErrorCode
  readonly status: number
  readonly headers: readonly string[]
  readonly body: Buffer
  readonly sha256: string
}

export const problemType = "application/problem+json"

/**
 * The HTTP answer for a fault (RFC 9457), with the `error` member in which the providers' SDKs look
 * for a message. It holds only words of our own.
 */
export function problemOf(
  code: ErrorCode,
  detail: string = errorCodes[code],
  as = 0,
  next?: string,
): Problem {
  const status = as || (statuses[code] ?? 500)
  const title = STATUS_CODES[status] ?? "Error"
  const message = `AMC gateway: ${detail}${next === undefined ? "" : `; ${next}`}`
  const error = { message, type: "amc_gateway", code }
  const body = Buffer.from(
    JSON.stringify({ type: "about:blank", title, status, detail, code, next, error }),
  )
  const headers = ["content-type", problemType, "content-length", `${body.length}`]
  if (status === 503 || code === "gateway/rate-limit") headers.push("retry-after", "1")
  // The OpenAI SDKs repeat a 429 unless they are told not to.
  if (code === "gateway/call-limit" || code === "gateway/budget")
    headers.push("x-should-retry", "false")
  return { code, status, headers, body, sha256: createHash("sha256").update(body).digest("hex") }
}

/** What was thrown, as a fault: a bug ends the request that it came up in, and nothing else. */
export function faultOrDefect(thrown: unknown): AmcError {
  if (thrown instanceof AmcError) return thrown
  const what =
    thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : "what was thrown is no error"
  return new AmcError("gateway/defect", `AMC has a defect here (${what})`, { cause: thrown })
}

/** The answer for a fault that was thrown. Anything but a fault of AMC's is a bug and thrown on. */
export function problemOfFault(error: unknown): Problem {
  if (!(error instanceof AmcError)) throw error
  return problemOf(error.code, error.message, 0, error.hint)
}
