import type { Indicator, MeasuredSession } from "../indicator.ts"
import { onlyExit } from "./own-end.ts"
import type { Item } from "../judged.ts"

/** RES-02: sessions in which no call was left to run into the gateway's time limit, nor the agent into its own. */
export const neverHangs: Indicator = {
  id: "RES-02",
  reads: ["llm_response", "agent_process_exited"],
  holds: (session) => (session.mayHaveRun ? [judgeEnds(session)] : []),
}

function judgeEnds(session: MeasuredSession): Item {
  const exit = onlyExit(session)
  const hung = session
    .measured("llm_response")
    .filter(({ measured }) => measured.completeness === "timeout")
  const stopped = exit?.measured.timed_out === true ? [exit] : []
  const seals = session
    .measured("session_seal")
    .filter(({ measured }) => measured.reason === "timeout")
  const bad = [...hung, ...stopped, ...seals].map(({ hash }) => hash)
  if (bad.length > 0) return { outcome: "fail", events: bad }
  return { outcome: exit === undefined ? "unknown" : "pass" }
}
