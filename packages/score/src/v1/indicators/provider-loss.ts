import type { Indicator, MeasuredSession } from "../indicator.ts"
import type { MeasuredEvent } from "../session-facts.ts"
import { isOwnEnd, onlyExit } from "./own-end.ts"
import type { Item } from "../judged.ts"

/** An answer, and where it came from: two names of one upstream are one provider. */
type Answer = MeasuredEvent<"llm_response"> & { readonly upstream: string }

const failuresLeast = 2

/**
 * RES-10: of the sessions that lost a provider, those that went on with another one and came to an end by
 * themselves. A session that only stopped is none of either; one that hung is a drill that failed.
 */
export const providerLoss: Indicator = {
  id: "RES-10",
  reads: ["llm_request", "llm_response", "agent_process_exited"],
  holds: (session) => {
    const lost = lossesIn(session)
    return lost.length === 0 ? [] : judgeLoss(session, lost)
  },
}

function judgeLoss(session: MeasuredSession, lost: readonly Answer[]): readonly Item[] {
  const exit = onlyExit(session)
  if (exit === undefined) return [{ outcome: "unknown" }]
  const events = lost.map(({ hash }) => hash)
  if (!isOwnEnd(exit)) return [{ outcome: "fail", events }]
  // One that answers after its own last failure is not lost.
  const wentOn = answersIn(session).some(
    (answer) => isServed(answer) && lost.every(({ lseq }) => lseq < answer.lseq),
  )
  return wentOn ? [{ outcome: "pass", events }] : []
}

/** The last failure of each provider that failed twice or more and never came back. */
function lossesIn(session: MeasuredSession): readonly Answer[] {
  const providers = Map.groupBy(answersIn(session), ({ upstream }) => upstream)
  return [...providers.values()].flatMap((answers) => {
    const lastServed = answers.findLastIndex(isServed)
    const failed = answers.slice(lastServed + 1).filter(isFailed)
    return failed.length < failuresLeast ? [] : failed.slice(-1)
  })
}

function answersIn(session: MeasuredSession): readonly Answer[] {
  const requests = session.measured("llm_request")
  const upstreams = new Map(requests.map(({ hash, measured }) => [hash, measured.upstream]))
  return session.measured("llm_response").flatMap((answer) => {
    const upstream = upstreams.get(answer.measured.request_event_hash)
    return upstream === undefined ? [] : [{ ...answer, upstream }]
  })
}

function isServed({ measured }: Answer): boolean {
  return measured.from_upstream && measured.status >= 200 && measured.status < 300
}

function isFailed({ measured }: Answer): boolean {
  const { completeness, from_upstream: fromUpstream, status } = measured
  return (
    completeness === "upstream-unreachable" ||
    completeness === "upstream-cut" ||
    completeness === "timeout" ||
    (fromUpstream && status >= 500)
  )
}
