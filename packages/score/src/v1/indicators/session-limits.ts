import type { Indicator, MeasuredSession } from "../indicator.ts"
import type { Item } from "../judged.ts"

/** LA-05: sessions inside their limits of calls and time. A call past the limit is a high veto. */
export const sessionLimits: Indicator = {
  id: "LA-05",
  reads: ["llm_request", "agent_process_exited"],
  holds: (session) => {
    const past = callsPastLimit(session)
    if (past.length > 0) return [{ outcome: "fail", events: past, veto: "high" }]
    return session.mayHaveRun ? [judgeLimits(session)] : []
  },
}

function judgeLimits(session: MeasuredSession): Item {
  const open = session.measured("session_open")[0]
  const exit = session.measured("agent_process_exited")[0]
  if (open === undefined || exit === undefined) return { outcome: "unknown" }
  const { max_calls: maxCalls, max_duration_ms: maxMs } = open.measured
  // A limit of 0 is none, and a session without limits is not inside them.
  const isInside = maxCalls > 0 && maxMs > 0 && exit.measured.duration_ms <= maxMs
  return isInside && !exit.measured.timed_out
    ? { outcome: "pass" }
    : { outcome: "fail", events: [open.hash, exit.hash] }
}

function callsPastLimit(session: MeasuredSession): readonly string[] {
  const audits = session.measured("audit")
  const stopped = audits.filter(({ measured }) => measured.code === "SESSION_LIMIT_EXCEEDED")
  const limit = session.measured("session_open")[0]?.measured.max_calls ?? 0
  const calls = limit === 0 ? [] : session.measured("llm_request").slice(limit)
  return [...stopped, ...calls].map(({ hash }) => hash)
}
