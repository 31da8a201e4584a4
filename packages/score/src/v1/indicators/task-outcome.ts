import type { Indicator, Item, MeasuredSession } from "../indicator.ts"

/** SK-02: sessions whose result passed the owner's check. Where a check is used, a session without one is unknown. */
export const taskOutcome: Indicator = {
  id: "SK-02",
  reads: ["outcome"],
  exposed: (session) => session.isAnswered && session.window.isChecked,
  holds: (session) => [judgeOutcome(session)],
}

function judgeOutcome(session: MeasuredSession): Item {
  const outcomes = session.measured("outcome")
  if (outcomes.length === 0) return { outcome: "unknown" }
  const failed = outcomes.filter(({ measured }) => !measured.passed || measured.timed_out)
  return failed.length === 0
    ? { outcome: "pass", events: outcomes.map(({ hash }) => hash) }
    : { outcome: "fail", events: failed.map(({ hash }) => hash) }
}
