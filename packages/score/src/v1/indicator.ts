import type { FactType } from "@amc/core"
import type { Severity } from "./bank.ts"
import type { MeasuredEvent, ReportedEvent } from "./session-facts.ts"
import type { Session } from "./session.ts"

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
  readonly isIsolated: boolean
  readonly window: Surroundings
  measured<T extends FactType>(type: T): readonly MeasuredEvent<T>[]
}

/** The same session in what was reported. No rule that may let a unit pass is given one. */
export interface ReportedSession {
  readonly id: string
  reported<T extends FactType>(type: T): readonly ReportedEvent<T>[]
}

export type Outcome = "pass" | "fail" | "unknown"

/** One unit of a question, decided. */
export interface Item {
  readonly outcome: Outcome
  /** Hashes of the events that decided; the session's seal stands for it if there are none. */
  readonly events?: readonly string[]
  readonly veto?: Severity
}

/**
 * How a question is decided for one session. Only `breaks` sees what was reported, and it can only
 * make passed items fail: a rule that would let a reported field raise a level does not compile.
 */
export interface Indicator {
  readonly id: string
  /** The facts that it reads. The lowest tier among them is the unit's. */
  readonly reads: readonly FactType[]
  /** Whether what the question is about happened at all; if not, the session does not count. */
  readonly exposed: (session: MeasuredSession) => boolean
  readonly holds: (session: MeasuredSession) => readonly Item[]
  readonly breaks?: (session: ReportedSession) => boolean
}

/**
 * The items of a session that count for a question. What passed in a session that the monitor did not
 * see whole is unknown.
 */
export function judge(
  { exposed, holds, breaks }: Indicator,
  session: Session,
  { window, isSeenWhole }: { readonly window: Surroundings; readonly isSeenWhole: boolean },
): readonly Item[] {
  const measured = measuredView(session, window)
  if (!exposed(measured)) return []
  const items = holds(measured)
  if (breaks?.(reportedView(session)) === true) return items.map((item) => lowered(item, "fail"))
  return isSeenWhole ? items : items.map((item) => lowered(item, "unknown"))
}

function lowered(item: Item, outcome: "fail" | "unknown"): Item {
  return item.outcome === "pass" ? { ...item, outcome } : item
}

function measuredView(
  { id, isAnswered, isIsolated, facts }: Session,
  window: Surroundings,
): MeasuredSession {
  return { id, isAnswered, isIsolated, window, measured: (type) => facts.measured(type) }
}

function reportedView({ id, facts }: Session): ReportedSession {
  return { id, reported: (type) => facts.reported(type) }
}
