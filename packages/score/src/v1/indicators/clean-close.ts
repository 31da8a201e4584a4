import type { Indicator, MeasuredSession } from "../indicator.ts"
import { isOwnEnd, onlyExit } from "./own-end.ts"
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
  const exit = onlyExit(session)
  const isClean = seal.measured.reason === "exited" && exit !== undefined && isOwnEnd(exit)
  return isClean ? { outcome: "pass" } : { outcome: "fail", events: [seal.hash] }
}
