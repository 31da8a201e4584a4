import type { FactType } from "@amc/core"
import { day } from "../lane.fixture.ts"
import type {
  MeasuredSession,
  MeasuredWindow,
  SeenSession,
  SessionIndicator,
  WindowIndicator,
} from "./indicator.ts"
import { indicators } from "./indicators.ts"
import type { Item, Judged } from "./judged.ts"

/** What the indicator of a question that is about sessions makes of one. */
export function judged(id: string, session: MeasuredSession): readonly Item[] {
  return (indicators.get(id) as SessionIndicator).holds(session)
}

/** A session that holds these facts; it was answered, and neither measured nor declared to be isolated. */
export function sessionOf(
  facts: Partial<Record<FactType, readonly object[]>>,
  seen = new Set<FactType>(),
): MeasuredSession {
  const measured = (type: FactType): readonly object[] => {
    seen.add(type)
    return facts[type] ?? []
  }
  const window = { isAnswered: true, isChecked: true }
  return {
    id: "s",
    isAnswered: true,
    isServed: true,
    isIsolated: false,
    isDeclared: false,
    mayHaveRun: true,
    window,
    measured: measured as MeasuredSession["measured"],
  }
}

/** A session that was served and seen whole, at the beginning of all days. */
export function seenOf(change: Partial<SeenSession>): SeenSession {
  const times = { firstMs: 0, lastMs: 0, servedDays: new Map([[0, "seen"]]) }
  return { ...times, isServed: true, isSeenWhole: true, openedBy: "open", ...change }
}

/** What the indicator of a question that is about time makes of the first four days, with one such session. */
export function spansOf(id: string, window: Partial<MeasuredWindow>): readonly Judged[] {
  return (indicators.get(id) as WindowIndicator).spans({
    lookMs: 0,
    fromMs: 0,
    toMs: 4 * day - 1,
    isAnswered: true,
    sessions: [seenOf({})],
    own: () => [],
    system: () => [],
    ...window,
  })
}
