import { z } from "zod"
import { facts, none } from "./fact.ts"
import { count, flag, hex32, integer, label } from "./fact-field.ts"
import { sandboxDriver } from "./sandbox-driver.ts"

const seen = z.union([z.string().max(256), integer, flag])

const refusedCall = z.strictObject({ call: label, count, first_ms: count, last_ms: count })

/** What the monitor planned and measured of a box. */
export const sandboxFacts = {
  sandbox_plan: facts(
    {
      driver: sandboxDriver,
      plan_sha256: hex32,
      argv: count,
      mounts: count,
      memory_bytes: count,
      pids: count,
      timeout_ms: count,
      probe_sha256: hex32.optional(),
      /** The engine's id of the image, and the digest of the list of its layers, which says what is in it. */
      image: label.optional(),
      image_layers_sha256: hex32.optional(),
      network: z.enum(["none", "internal"]).optional(),
    },
    none,
  ),
  /** What the isolation probe found from inside and what the monitor saw from outside. */
  sandbox_probe: facts(
    {
      checks: z
        .array(
          z.strictObject({
            id: label,
            expect: z.enum(["denied", "reached"]),
            outcome: z.enum(["denied", "reached", "inconclusive"]),
            control: z.enum(["reached", "stand_in", "denied", "none"]),
          }),
        )
        .max(128),
      inside: z.record(z.string().max(64), seen),
      outside: z.record(z.string().max(64), seen),
      agree: flag,
      /** Of the probe's program; missing in events from before there was one. */
      probe_sha256: hex32.optional(),
    },
    none,
  ),
  /** What the monitor saw of the box while the agent ran. */
  sandbox_watch: facts(
    {
      rounds: count,
      /** Looked at in the largest round. */
      processes_most: count,
      /** How often a process kept its namespaces from being seen. */
      unseen: count,
      drifts: count,
      tripwires: count,
      /** Connections to the port among them by whom it could not be told; missing in older events. */
      tripwires_unclear: count.optional(),
      /** Dials of the agent's that the kernel counted as leading nowhere, and TCP's that nobody took; missing in older events. */
      dials_no_route: count.optional(),
      dials_failed: count.optional(),
      /** Calls of the agent's that its filter refused, by kind, with when; missing where nobody counted, and the reason then. */
      calls_refused: z.array(refusedCall).max(160).optional(),
      calls_uncounted: label.optional(),
      /** How often at least something was opened that the box shows empty, such as an `.amc`; missing where nobody counted. */
      hidden_opens: count.optional(),
      /** When last seen, the agent was the process that the probe had been. */
      same_process: flag,
      /** Of what the agent left in its work folder, searched for canaries. */
      searched_bytes: count,
      search_complete: flag,
    },
    none,
  ),
} as const
