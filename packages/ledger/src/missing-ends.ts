import { connectionsMax, type Facts, type Observation } from "@amc/core"
import type { OpenCall, OpenSession } from "./session-book.ts"

/**
 * The ends of all that is open in a session, for when nobody else can record them any more: each call by a response
 * and each connection by a count, both "crashed".
 */
export function missingEnds(session: OpenSession): readonly Observation[] {
  return [
    ...session.calls.map((call) => crashedResponse(session, call)),
    ...crashedTraffic(session),
  ]
}

function crashedResponse({ agent, session }: OpenSession, call: OpenCall): Observation {
  const facts = crashedFacts(call)
  return { type: "llm_response", channel: "recorder", agent, session, facts }
}

function crashedFacts(call: OpenCall): Facts<"llm_response"> {
  const measured = {
    ...call,
    status: 0,
    from_upstream: false,
    completeness: "crashed" as const,
    body_bytes: 0,
    first_byte_ms: 0,
    total_ms: 0,
    retry_after_ms: -1,
    facts_truncated: false,
  }
  const tokens = {
    input_tokens: -1,
    output_tokens: -1,
    cache_read_tokens: -1,
    cache_write_tokens: -1,
  }
  const reported = { model: "", finish_reason: "", ...tokens, tool_calls: 0, tool_names: [] }
  return { measured, reported }
}

/** What the last counts said; nobody saw what went through afterwards. */
function crashedTraffic({ agent, session, connections }: OpenSession): readonly Observation[] {
  const ends: Observation[] = []
  for (let at = 0; at < connections.length; at += connectionsMax) {
    const some = connections.slice(at, at + connectionsMax)
    const crashed = some.map((one) => ({ ...one, completeness: "crashed" as const, status: 0 }))
    const hellos = some.map(() => ({ server_name: "", encrypted_hello: false }))
    const facts = { measured: { connections: crashed }, reported: { hellos } }
    ends.push({ type: "network_traffic", channel: "recorder", agent, session, facts })
  }
  return ends
}
