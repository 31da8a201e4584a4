import type { MeasuredSession } from "../indicator.ts"
import type { MeasuredEvent } from "../session-facts.ts"

type Exit = MeasuredEvent<"agent_process_exited">

/**
 * Whether a process came to its end by itself. Inside a box a signal shows as the exit code 128 + n; a
 * process that sets such a code is read the same.
 */
export function isOwnEnd({ measured }: Exit): boolean {
  const { exit_code: code, signal, timed_out: isTimeout } = measured
  return !isTimeout && signal === "" && code >= 0 && code < 128
}

/** The only end of a session's process; none where there was none, or more than one. */
export function onlyExit(session: MeasuredSession): Exit | undefined {
  const exits = session.measured("agent_process_exited")
  return exits.length === 1 ? exits[0] : undefined
}
