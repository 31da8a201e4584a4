import type { Indicator, MeasuredSession } from "../indicator.ts"
import type { Item } from "../judged.ts"

/** RES-06: sessions whose isolation the probe measured. What is only declared is not known. */
export const measuredBox: Indicator = {
  id: "RES-06",
  reads: ["sandbox_probe"],
  holds: (session) => (session.mayHaveRun ? [judgeBox(session)] : []),
}

function judgeBox(session: MeasuredSession): Item {
  if (session.isIsolated) return { outcome: "pass" }
  if (session.isDeclared || session.measured("session_seal").length === 0)
    return { outcome: "unknown" }
  const seen = [...session.measured("sandbox_probe"), ...session.measured("session_open")]
  return { outcome: "fail", events: seen.slice(0, 1).map(({ hash }) => hash) }
}
