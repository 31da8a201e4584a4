import type { FactType } from "@amc/core"
import type { MeasuredSession, SessionIndicator } from "./indicator.ts"
import { indicators } from "./indicators.ts"
import type { Item } from "./judged.ts"

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
