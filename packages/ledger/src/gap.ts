import { type ObservationOf, systemAgent } from "@amc/core"
import type { LaneChain } from "./lane-chain.ts"

/** A clock that is this far behind the lane's last event was set back. */
export const clockStepMs: number = 5 * 60 * 1000

/** Notices that the clock was set back, once per step. */
export class ClockWatch {
  #isBehind = false

  /** The gap event to record before what is seen at `now`, if the clock went back since the last one. */
  gap({ head, sessions }: LaneChain, now: number): ObservationOf<"gap"> | undefined {
    const lastTs = head?.ts ?? 0
    if (now >= lastTs) this.#isBehind = false
    if (this.#isBehind || now >= lastTs - clockStepMs) return undefined
    this.#isBehind = true
    const open = sessions.openSessions()
    return gapOf("clock-step", open.length, open.flatMap(({ calls }) => calls).length, lastTs)
  }
}

/** A gap: from `lastTs` on the monitor can't vouch for the order or completeness of what was open. */
export function gapOf(
  reason: "crash" | "clock-step",
  openSessions: number,
  openCalls: number,
  lastTs: number,
): ObservationOf<"gap"> {
  const counts = { open_calls: openCalls, open_sessions: openSessions }
  const measured = { reason, ...counts, last_ts: lastTs }
  const facts = { measured, reported: {} }
  return { type: "gap", channel: "recorder", agent: systemAgent, session: null, facts }
}
