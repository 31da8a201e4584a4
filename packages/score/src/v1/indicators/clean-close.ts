import type { Indicator, Item, MeasuredSession } from "../indicator.ts"
import type { MeasuredEvent } from "../session-facts.ts"

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

/** Inside a box a signal shows as the exit code 128 + n; a process that sets such a code is read the same. */
function isOwnEnd({ measured }: MeasuredEvent<"agent_process_exited">): boolean {
  const { exit_code: code, signal, timed_out: isTimeout } = measured
  return !isTimeout && signal === "" && code >= 0 && code < 128
}
