import { z } from "zod"
import { auditCode } from "./audit.ts"
import {
  askedConnection,
  connectionHello,
  movedConnection,
  openedConnection,
  someConnections,
} from "./connection-facts.ts"
import { claimants, ingestFormats, traceVerdicts } from "./ingested.ts"
import {
  agentId,
  count,
  flag,
  foreign,
  hex32,
  integer,
  label,
  questionId,
  step,
} from "./fact-field.ts"

/**
 * The closed catalogue of facts: one schema per event type.
 *
 * `measured` fields are what the monitor itself did, counted, timed or dialled. `reported` fields were
 * parsed from content that the agent, the model or a tool wrote: a rule may lower a level by them,
 * never raise one (S10). The split is in the bytes of each event, so that no reader has to be told.
 */
function facts<M extends z.ZodRawShape, R extends z.ZodRawShape>(
  measured: M,
  reported: R,
): z.ZodObject<
  { measured: z.ZodObject<M, z.core.$strict>; reported: z.ZodObject<R, z.core.$strict> },
  z.core.$strict
> {
  return z.strictObject({ measured: z.strictObject(measured), reported: z.strictObject(reported) })
}

const none = {}
const sandboxDriver = z.enum(["bubblewrap", "docker", "podman", "none"])
/** Where one agent's chain stood in one lane. */
const head = z.strictObject({
  lane: agentId,
  agent: z.string().max(64),
  aseq: count,
  event_hash: hex32,
})
const posture = z.enum(["measured", "declared", "shared"])
const claimant = z.enum(claimants)
const ingestFormat = z.enum(ingestFormats)
const traceVerdict = z.enum(traceVerdicts)
const seen = z.union([z.string().max(256), integer, flag])

export const factSchemas = {
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
  llm_request: facts(
    {
      call_id: label,
      provider: label,
      upstream: label,
      method: z.string().max(16),
      body_bytes: count,
      secrets_found: count,
      /** Some content did not fit this schema and was cut or left out. */
      facts_truncated: flag,
    },
    {
      path: foreign,
      /** How it was read (spec/gateway-http.md, "Formats"). */
      format: z.enum([
        "openai.chat",
        "openai.responses",
        "openai.completions",
        "openai.embeddings",
        "anthropic.messages",
        "anthropic.count_tokens",
        "gemini.generate",
        "gemini.embed",
        "gemini.count_tokens",
        "ollama.chat",
        "ollama.generate",
        "ollama.embed",
        "bedrock.converse",
        "bedrock.invoke",
        "other",
      ]),
      model: foreign,
      stream: flag,
      /** How many it offers; those of a namespace count one by one. */
      tools: count,
    },
  ),
  llm_response: facts(
    {
      call_id: label,
      request_event_hash: hex32,
      /** The status that the client got; 0 when it got none. */
      status: count,
      /** Whether the status came from the provider and not from the gateway itself. */
      from_upstream: flag,
      completeness: z.enum([
        "complete",
        "client-gone",
        "upstream-cut",
        "upstream-unreachable",
        "timeout",
        "refused",
        "crashed",
      ]),
      body_bytes: count,
      first_byte_ms: count,
      total_ms: count,
      /** The provider's Retry-After; -1 when it sent none. */
      retry_after_ms: integer,
      facts_truncated: flag,
    },
    {
      model: foreign,
      finish_reason: foreign,
      /** Counts as the provider gives them; -1 for one that it does not give. */
      input_tokens: integer,
      output_tokens: integer,
      cache_read_tokens: integer,
      cache_write_tokens: integer,
      tool_calls: count,
      tool_names: z.array(foreign).max(64),
    },
  ),
  /** Connections out of the agent's reach that were allowed; recorded before anything is dialled. */
  network_connect: facts(
    { connections: someConnections(openedConnection) },
    /** Of each, in the same order. */
    { requests: someConnections(askedConnection) },
  ),
  /** What went through connections so far, and how they ended. */
  network_traffic: facts(
    { connections: someConnections(movedConnection) },
    /** Of each, in the same order. */
    { hellos: someConnections(connectionHello) },
  ),
  lease: facts(
    {
      lease_id: hex32,
      action: z.enum(["issued", "revoked"]),
      ingress: z.enum(["run-socket", "loopback"]),
      provider: label,
      expires_ms: count,
    },
    none,
  ),
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
      /** When last seen, the agent was the process that the probe had been. */
      same_process: flag,
      /** Of what the agent left in its work folder, searched for canaries. */
      searched_bytes: count,
      search_complete: flag,
    },
    none,
  ),
  /** The owner's check of the session's result, run by the monitor after the agent has ended. */
  outcome: facts(
    { check_sha256: hex32, exit_code: integer, timed_out: flag, duration_ms: count, passed: flag },
    none,
  ),
  /** What the agent, its vendor or a document says of the agent: it stands beside the evidence. */
  claim: facts(
    { source_sha256: hex32 },
    {
      by: claimant,
      /** For each question that `levels` does not name; null if nothing is said of the rest. */
      overall: step.nullable(),
      levels: z.array(z.strictObject({ question: questionId, level: step })).max(256),
    },
  ),
  /** A file of results or logs that the monitor did not see come about; the file is the payload. */
  ingest: facts(
    {
      source_sha256: hex32,
      format: ingestFormat,
      /** The question that the owner says it is about. */
      about: questionId.nullable(),
      secrets_found: count,
    },
    {
      tool: foreign,
      /** Lines, tests, attempts, samples or spans. */
      entries: count,
      passed: count,
      failed: count,
      /** Errors, and results that are neither. */
      undecided: count,
      /** The times that the file names; -1 where it names none. What counts is when it came in. */
      from_ms: integer,
      to_ms: integer,
    },
  ),
  /** Calls of a model in a trace of the agent's runtime, each compared with receipts and ledger (S7). */
  trace_claim: facts(
    {
      source_sha256: hex32,
      calls: z
        .array(
          z.strictObject({
            /** Of the span, so that a trace that has grown is counted once. */
            span_sha256: hex32,
            verdict: traceVerdict,
            /** The response in this agent's chain that the call was found to be, or null. */
            event_hash: hex32.nullable(),
          }),
        )
        .min(1)
        .max(256),
    },
    none,
  ),
  /**
   * The auditor vouches for what came in from outside in a part of the agent's chain. The DSSE envelope is the
   * payload and alone gives it weight.
   */
  attestation: facts(
    {
      lane: agentId,
      first_aseq: count,
      last_aseq: count,
      first_event_hash: hex32,
      last_event_hash: hex32,
      statement_sha256: hex32,
    },
    none,
  ),
  config_change: facts(
    { path: label, sha256: hex32, version: count, role: z.enum(["auditor", "root"]) },
    none,
  ),
  key_change: facts(
    {
      kid: hex32,
      role: z.enum(["root", "auditor", "monitor", "ledger", "release"]),
      /** Revoked means stolen: what it signed from then on does not count. */
      action: z.enum(["enrolled", "superseded", "revoked"]),
      from_ms: count,
    },
    none,
  ),
  vault_generation: facts({ generation: count, vault_sha256: hex32 }, none),
  /**
   * Recorded before stored payloads are deleted. The retention policy is its payload, byte for byte; what
   * that does not allow is no prune but a loss (spec/event.md, "Payloads that are gone").
   */
  payload_prune: facts(
    {
      policy_sha256: hex32,
      policy_version: count,
      /** The events of this lane whose payloads go, by their numbers, ascending. */
      events: z.array(count).min(1).max(1024),
      payloads: count,
      bytes: count,
    },
    none,
  ),
  /** Something that the monitor can't vouch for: recovery after a crash closes what was open with it. */
  gap: facts(
    {
      reason: z.enum(["crash", "clock-step"]),
      open_calls: count,
      open_sessions: count,
      last_ts: count,
    },
    none,
  ),
  audit: facts(
    { code: auditCode, subject: z.string().max(256), detail: z.string().max(512) },
    none,
  ),
} as const

export type FactType = keyof typeof factSchemas
export type Facts<T extends FactType> = z.infer<(typeof factSchemas)[T]>
/** What the monitor itself established: the only facts that may raise a level. */
export type MeasuredFacts<T extends FactType> = Facts<T>["measured"]
export type ReportedFacts<T extends FactType> = Facts<T>["reported"]

export const factTypes: readonly FactType[] = Object.keys(factSchemas) as FactType[]
