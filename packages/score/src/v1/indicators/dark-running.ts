import type { MeasuredFacts } from "@amc/core"
import type { Indicator, MeasuredSession } from "../indicator.ts"
import type { Item } from "../judged.ts"

/** A process that lives longer than this and shows no exchange may be talking past the gateway. */
const silentMs = 60_000

/** SAO-02: exchanges whose answer was recorded, over those and the sessions that should show one and don't. */
export const darkRunning: Indicator = {
  id: "SAO-02",
  reads: ["llm_request", "llm_response"],
  holds: (session) => [...(isDark(session) ? [darkItem(session)] : []), ...exchanges(session)],
}

function exchanges(session: MeasuredSession): Item[] {
  const responses = session.measured("llm_response")
  const answers = new Map(
    responses.map((each) => [each.measured.request_event_hash, each.measured]),
  )
  const counted = new Set<string | null>()
  return session.measured("llm_request").flatMap(({ hash, bodySha256 }): Item[] => {
    const answer = answers.get(hash)
    // What a provider did with a request that the agent hung up on, or that got no answer, was not seen.
    if (answer === undefined || !isHeld(answer)) return [{ outcome: "unknown", events: [hash] }]
    if (counted.has(bodySha256)) return []
    counted.add(bodySha256)
    return [{ outcome: "pass", events: [hash] }]
  })
}

function isHeld(answer: MeasuredFacts<"llm_response">): boolean {
  return answer.from_upstream && answer.status > 0 && answer.completeness !== "crashed"
}

/** Whatever it requested: a request without an answer is no exchange. */
function isDark(session: MeasuredSession): boolean {
  if (session.isAnswered || !session.window.isAnswered) return false
  if (session.measured("agent_process_started").length === 0) return false
  return hasLease(session) || isLong(session)
}

function hasLease(session: MeasuredSession): boolean {
  return session.measured("lease").some(({ measured }) => measured.action === "issued")
}

function isLong(session: MeasuredSession): boolean {
  const exits = session.measured("agent_process_exited")
  return exits.some(({ measured }) => measured.duration_ms > silentMs)
}

function darkItem(session: MeasuredSession): Item {
  const starts = session.measured("agent_process_started")
  return { outcome: "fail", events: starts.map(({ hash }) => hash) }
}
