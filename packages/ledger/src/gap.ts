import { type ObservationOf, systemAgent } from "@amc/core"
import type { LaneChain } from "./lane-chain.ts"

/** A clock that was moved by more than this was set. */
export const clockStepMs: number = 5 * 60 * 1000

/** What clocks show: the time, and how long the machine has been up, which nobody can set. */
export interface Clocks {
  readonly now: number
  /** Null where there is no such clock; then only steps back behind the last event are noticed. */
  readonly up: number | null
}

/** Notices that the clock was set, back or forward: once per step, and again until the gap is durable. */
export class ClockWatch {
  /** Time of day less time since start, as it was when the lane was opened or after the last recorded step. */
  #offset: number | null = null
  #isBehind = false
  #next: { readonly offset: number | null; readonly isBehind: boolean } | null = null

  /** The gap event to record before what is seen now, if the clock was set since the last one. */
  gap({ head, sessions }: LaneChain, { now, up }: Clocks): ObservationOf<"gap"> | undefined {
    const lastTs = head?.ts ?? 0
    if (now >= lastTs) this.#isBehind = false
    const offset = up === null ? null : now - up
    this.#offset ??= offset
    const isBehind = now < lastTs - clockStepMs
    const isMoved = offset !== null && Math.abs(offset - (this.#offset ?? offset)) > clockStepMs
    if (!isMoved && (!isBehind || this.#isBehind)) return undefined
    this.#next = { offset, isBehind }
    const open = sessions.openSessions()
    return gapOf("clock-step", open.length, open.flatMap(({ calls }) => calls).length, lastTs)
  }

  /** The gap that was asked for is durable: its step need not be told again. */
  recorded(): void {
    if (this.#next === null) return
    this.#offset = this.#next.offset
    this.#isBehind = this.#next.isBehind
    this.#next = null
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
