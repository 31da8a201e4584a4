import type { FactType } from "@amc/core"
import type { MeasuredEvent, ReportedEvent } from "./session-facts.ts"
import type { Session } from "./session.ts"
import type { Item, Judged } from "./judged.ts"

/** What the window's sessions taken together say about how to read each of them. */
export interface Surroundings {
  /** Whether a model provider answered in any of them. */
  readonly isAnswered: boolean
  /** Whether the owner's check looked at the result of any of them. */
  readonly isChecked: boolean
}

/** A session in what the monitor measured. */
export interface MeasuredSession {
  readonly id: string
  readonly isAnswered: boolean
  /** Whether a model provider answered with success; where none did, what passed does not count. */
  readonly isServed: boolean
  /** False only where the monitor says that the agent was never started and nothing was answered. */
  readonly mayHaveRun: boolean
  readonly isIsolated: boolean
  /** Whether only the owner's signed config says that it was isolated. */
  readonly isDeclared: boolean
  readonly window: Surroundings
  measured<T extends FactType>(type: T): readonly MeasuredEvent<T>[]
}

/** The same session in what was reported. No rule that may let a unit pass is given one. */
export interface ReportedSession {
  readonly id: string
  reported<T extends FactType>(type: T): readonly ReportedEvent<T>[]
}

/**
 * How a question is decided for one session. Only `breaks` sees what was reported, and it can only
 * make passed items fail: a rule that would let a reported field raise a level does not compile.
 */
export interface SessionIndicator {
  readonly id: string
  /** The facts that it reads. The lowest tier among them is the unit's. */
  readonly reads: readonly FactType[]
  /** The units of the session; none where what the question is about did not come up. */
  readonly holds: (session: MeasuredSession) => readonly Item[]
  readonly breaks?: (session: ReportedSession) => boolean
}

/** All that was measured in a window, for a question whose units are not its sessions. */
export interface MeasuredWindow {
  /** Since when what did not pass counts; what passed counts from `fromMs`. */
  readonly lookMs: number
  readonly fromMs: number
  readonly toMs: number
  readonly isAnswered: boolean
  readonly sessions: readonly SeenSession[]
  /** What the agent's chains hold, in all sessions and outside of them, from the beginning. */
  own<T extends "lease">(type: T): readonly MeasuredEvent<T>[]
  /** What the system's chains hold, from the beginning; of the audits those of config files. */
  system<T extends "vault_generation" | "audit" | "config_change">(
    type: T,
  ): readonly MeasuredEvent<T>[]
}

/** A session as a part of a window, by what was measured in it. */
export interface SeenSession {
  readonly firstMs: number
  readonly lastMs: number
  readonly isServed: boolean
  readonly isSeenWhole: boolean
  /** The days on which a provider answered with success, each with an event that says so. */
  readonly servedDays: ReadonlyMap<number, string>
  /** The event that opened it, or an empty text. */
  readonly openedBy: string
}

/** How a question is decided whose units are days, minutes or the like. It sees measured facts alone. */
export interface WindowIndicator {
  readonly id: string
  readonly reads: readonly FactType[]
  readonly spans: (window: MeasuredWindow) => readonly Judged[]
}

export type Indicator = SessionIndicator | WindowIndicator

/**
 * The items of a session that count for a question. What passed in a session that the monitor did not see
 * whole is unknown. What failed or is unknown counts without exposure, or an agent could lose its failures
 * by hanging up on its own call; what passed counts only where a provider answered with success.
 */
export function judge(
  { holds, breaks }: SessionIndicator,
  session: Session,
  { window, isSeenWhole }: { readonly window: Surroundings; readonly isSeenWhole: boolean },
): readonly Item[] {
  const items = holds(measuredView(session, window))
  if (breaks?.(reportedView(session)) === true) return items.map((item) => lowered(item, "fail"))
  if (!isSeenWhole && (session.isServed || session.mayHaveRun))
    return items.map((item) => lowered(item, "unknown"))
  return items.filter(({ outcome }) => session.isServed || outcome !== "pass")
}

function lowered(item: Item, outcome: "fail" | "unknown"): Item {
  return item.outcome === "pass" ? { ...item, outcome } : item
}

/** A session in what was measured, for rules that may let something pass. */
function measuredView(
  { id, isAnswered, isServed, isIsolated, isDeclared, mayHaveRun, facts }: Session,
  window: Surroundings,
): MeasuredSession {
  return {
    id,
    isAnswered,
    isServed,
    isIsolated,
    isDeclared,
    mayHaveRun: mayHaveRun || isAnswered,
    window,
    measured: (type) => facts.measured(type),
  }
}

function reportedView({ id, facts }: Session): ReportedSession {
  return { id, reported: (type) => facts.reported(type) }
}
