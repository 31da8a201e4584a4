import { z } from "zod"
import { facts, none } from "./fact.ts"
import { count, flag, hex32, integer, label } from "./fact-field.ts"
import { sandboxDriver } from "./sandbox-driver.ts"

const posture = z.enum(["measured", "declared", "shared"])

/** What the monitor did and saw of an agent's session. */
export const sessionFacts = {
  /** Opened by the monitor before the agent starts, so that a session that is withheld still counts. */
  session_open: facts(
    {
      /** `gateway` is a session of a bare lease: nothing of the agent was seen but its calls. */
      kind: z.enum(["sandbox", "wrap", "gateway"]),
      driver: sandboxDriver,
      /** The providers that the session's lease counts for. */
      providers: z
        .array(z.strictObject({ provider: label, upstream: label, loopback: flag }))
        .min(1)
        .max(32),
      /** Null where the monitor did not start the agent. */
      command_sha256: hex32.nullable(),
      /** Of the work folder as it was copied for this session; null if the agent works in place. */
      work_sha256: hex32.nullable(),
      max_calls: count,
      max_duration_ms: count,
    },
    none,
  ),
  session_seal: facts(
    {
      reason: z.enum([
        "exited",
        "timeout",
        "not-started",
        "probe-failed",
        "interrupted",
        "recovered",
        "idle",
      ]),
      posture,
      hardened: flag,
      first_aseq: count,
      last_aseq: count,
      events: count,
      last_event_hash: hex32,
    },
    none,
  ),
  agent_process_started: facts(
    { pid: count, uid: count, driver: sandboxDriver, command_sha256: hex32 },
    none,
  ),
  agent_stdout: facts({ offset: count, bytes: count, stored: flag, secrets_found: count }, none),
  agent_stderr: facts({ offset: count, bytes: count, stored: flag, secrets_found: count }, none),
  agent_process_exited: facts(
    {
      /** -1 when a signal ended it. */
      exit_code: integer,
      signal: z.string().max(16),
      timed_out: flag,
      duration_ms: count,
      stdout_bytes: count,
      stderr_bytes: count,
    },
    none,
  ),
  /** The owner's check of the session's result, run by the monitor after the agent has ended. */
  outcome: facts(
    { check_sha256: hex32, exit_code: integer, timed_out: flag, duration_ms: count, passed: flag },
    none,
  ),
} as const
