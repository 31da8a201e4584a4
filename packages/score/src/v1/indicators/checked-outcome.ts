import type { Indicator, MeasuredSession } from "../indicator.ts"
import type { Item } from "../judged.ts"

/** LA-06: sessions whose result the owner's check looked at, over those that came to an end. */
export const checkedOutcome: Indicator = {
  id: "LA-06",
  reads: ["outcome", "agent_process_exited"],
  holds: (session) => (session.mayHaveRun ? [judgeChecked(session)] : []),
}

function judgeChecked(session: MeasuredSession): Item {
  const outcomes = session.measured("outcome")
  const exits = session.measured("agent_process_exited")
  if (exits.length === 0) return { outcome: "unknown" }
  const isChecked = outcomes.length > 0 && outcomes.every(({ measured }) => !measured.timed_out)
  const events = [...outcomes, ...exits].map(({ hash }) => hash)
  return { outcome: isChecked ? "pass" : "fail", events }
}
