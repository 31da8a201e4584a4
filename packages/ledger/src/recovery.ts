import {
  connectionsMax,
  type Facts,
  type Observation,
  type Recorded,
  type Recorder,
} from "@amc/core"
import { gapOf } from "./gap.ts"
import type { LaneWriter } from "./lane-writer.ts"
import type { OpenCall, OpenSession } from "./session-book.ts"
import { sealOf } from "./sessions.ts"

/**
 * Closes what the last process left open when it ended without seals: each call by a response and each
 * connection by a count, both "crashed", then a gap event, then each session by a seal "recovered" with the posture that its probe established. Call it before anything else
 * is recorded. Does nothing when nothing is open, so that it may itself be killed and run again.
 *
 * @throws {@link AmcError} `store/unavailable`
 */
export async function recoverLane(writer: LaneWriter): Promise<readonly Recorded[]> {
  const sessions = writer.openSessions()
  if (sessions.length === 0) return []
  const responses = sessions.flatMap((session) =>
    session.calls.map((call) => crashedResponse(session, call)),
  )
  const ends = sessions.flatMap(crashedTraffic)
  const gap = gapOf("crash", sessions.length, responses.length, writer.lastTs)
  return recordInOrder(writer, [...responses, ...ends, gap, ...sessions.map(recoveredSeal)])
}

/** The queue is bounded, so what a crash left open may not fit in it at once. */
async function recordInOrder(
  recorder: Recorder,
  observations: readonly Observation[],
): Promise<readonly Recorded[]> {
  const recorded: Recorded[] = []
  for (let at = 0; at < observations.length; at += 128) {
    const group = observations.slice(at, at + 128)
    recorded.push(...(await Promise.all(group.map((one) => recorder.record(one)))))
  }
  return recorded
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

/** The walls are as they were measured; that the monitor was gone makes the session unknown, not open. */
function recoveredSeal({ agent, session, posture }: OpenSession): Observation {
  return sealOf({ agent, session }, { reason: "recovered", posture, hardened: false }, "recorder")
}
