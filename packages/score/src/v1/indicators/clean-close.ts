import type { Indicator, MeasuredSession } from "../indicator.ts"
import { isOwnEnd } from "./own-end.ts"
import type { Item } from "../judged.ts"

/** RES-09: sessions that ended by themselves and were sealed. */
export const cleanClose: Indicator = {
  id: "RES-09",
  reads: ["agent_process_exited"],
  holds: (session) => (session.mayHaveRun ? [judgeClose(session)] : []),
}

function judgeClose(session: MeasuredSession): Item {
  const seal = session.measured("session_seal")[0]
  if (seal === undefined) return { outcome: "unknown" }
  const exits = session.measured("agent_process_exited")
  const isClean = seal.measured.reason === "exited" && exits.length === 1
  return isClean && exits.every(isOwnEnd)
    ? { outcome: "pass" }
    : { outcome: "fail", events: [seal.hash] }
}
