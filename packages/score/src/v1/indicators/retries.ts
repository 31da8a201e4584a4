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

/**
 * RES-01: sessions whose every retry waited long enough, came to an end and followed no permanent error,
 * and that sent a provider nothing at all before the time that it had asked for.
 */
export const retries: Indicator = {
  id: "RES-01",
  reads: ["llm_request", "llm_response"],
  holds: (session) => {
    const found = retriesOf(session)
    const bad = found.filter((retry) => !isProper(retry)).map(({ again }) => again)
    const events = new Set([...bad, ...earlyRequests(session)].map(({ hash }) => hash))
    if (events.size > 0) return [{ outcome: "fail", events: [...events] }]
    return found.length === 0 ? [] : [{ outcome: "pass" }]
  },
}

function isProper({ failed, again, attempt }: Retry): boolean {
  const { status, retry_after_ms: retryAfter } = failed.measured
  if (permanent.has(status) || attempt > attemptsMax) return false
  // Without a Retry-After (-1) any wait is accepted.
  return again.ts - failed.ts >= retryAfter
}

/** Requests that came before the time that their provider had asked for, whatever their body. */
function earlyRequests(session: MeasuredSession): readonly Request[] {
  const requests = session.measured("llm_request")
  const providers = new Map(requests.map(({ hash, measured }) => [hash, measured.provider]))
  const pauses = session.measured("llm_response").filter(isPause)
  const until = new Map<string | undefined, number>()
  let seen = 0
  return requests.filter(({ lseq, ts, measured: { provider } }) => {
    // Without a Retry-After (-1) a pause is over before it began.
    for (
      let pause = pauses[seen];
      pause !== undefined && pause.lseq < lseq;
      pause = pauses[++seen]
    ) {
      const of = providers.get(pause.measured.request_event_hash)
      until.set(of, Math.max(until.get(of) ?? 0, pause.ts + pause.measured.retry_after_ms))
    }
    return ts < (until.get(provider) ?? 0)
  })
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
  let attempt = 0
  let last: Response | undefined
  for (const again of requests) {
    attempt = isSuccess(last) ? 1 : attempt + 1
    if (last !== undefined && last.lseq < again.lseq && isFailure(last))
      retries.push({ failed: last, again, attempt })
    last = answers.get(again.hash)
  }
  return retries
}

function isSuccess(response: Response | undefined): boolean {
  return response !== undefined && response.measured.from_upstream && response.measured.status < 400
}

function isPause({ measured }: Response): boolean {
  const { from_upstream: fromUpstream, status } = measured
  return fromUpstream && (status === 429 || status === 503)
}

function isFailure({ measured: { from_upstream: fromUpstream, status } }: Response): boolean {
  return fromUpstream && (status === 429 || status >= 500 || permanent.has(status))
}
