import { z } from "zod"
import { facts, none } from "./fact.ts"
import { agentId, count, hex32, label } from "./fact-field.ts"

/** Where one agent's chain stood in one lane. */
const head = z.strictObject({
  lane: agentId,
  agent: z.string().max(64),
  aseq: count,
  event_hash: hex32,
})

/** What the ledger tells of runs that were scored. */
export const runFacts = {
  run_opened: facts(
    {
      run_id: label,
      agent: agentId,
      bank_sha256: hex32,
      window_from_ms: count,
      window_to_ms: count,
      heads: z.array(head).max(256),
    },
    none,
  ),
  /** Recorded after the auditor signed; the DSSE envelope is the payload and alone gives it weight. */
  run_sealed: facts(
    { run_id: label, agent: agentId, report_sha256: hex32, statement_sha256: hex32, kid: hex32 },
    none,
  ),
} as const
