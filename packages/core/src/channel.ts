import type { FactType } from "./facts.ts"

/** Which part of the monitor saw it, and by which way in. A tier is derived from it, never stored. */
export const channels = [
  "recorder",
  "session",
  "wrapper",
  "sandbox",
  "gateway:run-socket",
  "gateway:loopback",
  "owner",
  "ingest",
] as const
export type Channel = (typeof channels)[number]

const agentProcess = ["sandbox", "wrapper"] as const
const gateway = ["gateway:run-socket", "gateway:loopback"] as const
const session = ["session", "recorder"] as const
const recorder = ["recorder"] as const
const owner = ["owner"] as const
const ingest = ["ingest"] as const

/**
 * By which channels each type of event can come (spec/event.md, "Body"), so that no claim of others takes
 * the place of what was seen, and no session is put aside as a claim. The recorder closes what a crash
 * left open.
 */
export const channelsByType: Readonly<Record<FactType, readonly Channel[]>> = {
  run_opened: owner,
  run_sealed: owner,
  session_open: session,
  session_seal: session,
  agent_process_started: agentProcess,
  agent_stdout: agentProcess,
  agent_stderr: agentProcess,
  agent_process_exited: agentProcess,
  llm_request: gateway,
  llm_response: [...gateway, "recorder"],
  network_connect: gateway,
  network_traffic: [...gateway, "recorder"],
  lease: session,
  sandbox_plan: ["sandbox"],
  sandbox_probe: agentProcess,
  sandbox_watch: ["sandbox"],
  outcome: session,
  claim: ingest,
  ingest,
  trace_claim: ingest,
  attestation: owner,
  config_change: recorder,
  key_change: recorder,
  vault_generation: recorder,
  payload_prune: recorder,
  gap: recorder,
  audit: ["recorder", "session", ...agentProcess, ...gateway],
}
