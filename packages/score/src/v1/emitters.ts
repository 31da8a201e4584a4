import type { FactType } from "@amc/core"

/** A fact of the catalogue, or one that a need waits for and nothing records yet. */
export type EmittedFact = FactType | "assurance_run" | "drill"

/**
 * The facts that had an emitter when this engine was released. It belongs to the engine and not to the
 * catalogue, which grows: an old run must still rebuild byte for byte.
 */
export const emitted: ReadonlySet<EmittedFact> = new Set<FactType>([
  "session_open",
  "session_seal",
  "agent_process_started",
  "agent_process_exited",
  "agent_stdout",
  "agent_stderr",
  "llm_request",
  "llm_response",
  "lease",
  "sandbox_probe",
  "sandbox_watch",
  "network_connect",
  "vault_generation",
  "config_change",
  "outcome",
  "audit",
  "ingest",
  "attestation",
  "trace_claim",
])
