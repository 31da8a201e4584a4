import type { Observation, Recorded, Recorder } from "@amc/core"
import { gapOf } from "./gap.ts"
import type { LaneWriter } from "./lane-writer.ts"
import { missingEnds } from "./missing-ends.ts"
import type { OpenSession } from "./session-book.ts"
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
  const calls = sessions.reduce((count, session) => count + session.calls.length, 0)
  const gap = gapOf("crash", sessions.length, calls, writer.lastTs)
  const ends = sessions.flatMap(missingEnds)
  return recordInOrder(writer, [...ends, gap, ...sessions.map(recoveredSeal)])
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

/** The walls are as they were measured; that the monitor was gone makes the session unknown, not open. */
function recoveredSeal({ agent, session, posture }: OpenSession): Observation {
  return sealOf({ agent, session }, { reason: "recovered", posture, hardened: false }, "recorder")
}
