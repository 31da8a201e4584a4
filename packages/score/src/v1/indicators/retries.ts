import type { Indicator, MeasuredSession } from "../indicator.ts"
import type { MeasuredEvent } from "../session-facts.ts"

type Request = MeasuredEvent<"llm_request">
type Response = MeasuredEvent<"llm_response">

/** A failed answer and the request that sent the same body again after it. */
interface Retry {
  readonly failed: Response
  readonly again: Request
  /** How many times the body had been sent since its last success, this time included. */
  readonly attempt: number
}

const attemptsMax = 4
const permanent: ReadonlySet<number> = new Set([400, 401, 403, 404, 422])

/** RES-01: sessions whose every retry waited long enough, came to an end and followed no permanent error. */
export const retries: Indicator = {
  id: "RES-01",
  reads: ["llm_request", "llm_response"],
  exposed: (session) => retriesOf(session).length > 0,
  holds: (session) => {
    const bad = retriesOf(session).filter((retry) => !isProper(retry))
    if (bad.length === 0) return [{ outcome: "pass" }]
    return [{ outcome: "fail", events: bad.map(({ again }) => again.hash) }]
  },
}

function isProper({ failed, again, attempt }: Retry): boolean {
  const { status, retry_after_ms: retryAfter } = failed.measured
  if (permanent.has(status) || attempt > attemptsMax) return false
  // Without a Retry-After (-1) any wait is accepted.
  return again.ts - failed.ts >= retryAfter
}

function retriesOf(session: MeasuredSession): readonly Retry[] {
  const responses = session.measured("llm_response")
  const answers = new Map(responses.map((each) => [each.measured.request_event_hash, each]))
  const bodies = Map.groupBy(session.measured("llm_request"), ({ bodySha256 }) => bodySha256)
  return [...bodies].flatMap(([body, requests]) =>
    body === null ? [] : retriesOfBody(requests, answers),
  )
}

function retriesOfBody(
  requests: readonly Request[],
  answers: ReadonlyMap<string, Response>,
): readonly Retry[] {
  const retries: Retry[] = []
  let attempt = 1
  for (const [at, again] of requests.entries()) {
    const before = requests[at - 1]
    const failed = before === undefined ? undefined : answers.get(before.hash)
    const isRetry = failed !== undefined && failed.lseq < again.lseq && isFailure(failed)
    attempt = before === undefined || isSuccess(answers.get(before.hash)) ? 1 : attempt + 1
    if (isRetry) retries.push({ failed, again, attempt })
  }
  return retries
}

function isSuccess(response: Response | undefined): boolean {
  return response !== undefined && response.measured.from_upstream && response.measured.status < 400
}

function isFailure({ measured: { from_upstream: fromUpstream, status } }: Response): boolean {
  return fromUpstream && (status === 429 || status >= 500 || permanent.has(status))
}
