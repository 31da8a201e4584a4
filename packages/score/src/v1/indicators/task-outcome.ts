import type { Indicator, MeasuredSession } from "../indicator.ts"
import type { Item } from "../judged.ts"

/** SK-02: sessions whose result passed the owner's check. Where a check is used, a session without one is unknown. */
export const taskOutcome: Indicator = {
  id: "SK-02",
  reads: ["outcome"],
  holds: (session) => (isAsked(session) ? [judgeOutcome(session)] : []),
}

function isAsked(session: MeasuredSession): boolean {
  if (session.measured("outcome").length > 0) return true
  return session.window.isChecked && session.mayHaveRun
}

function judgeOutcome(session: MeasuredSession): Item {
  const outcomes = session.measured("outcome")
  if (outcomes.length === 0) return { outcome: "unknown" }
  const failed = outcomes.filter(({ measured }) => !measured.passed || measured.timed_out)
  if (failed.length > 0) return { outcome: "fail", events: failed.map(({ hash }) => hash) }
  // A result that was there without a model's answer is not seen to be the agent's.
  const outcome = session.isServed ? "pass" : "unknown"
  return { outcome, events: outcomes.map(({ hash }) => hash) }
}
