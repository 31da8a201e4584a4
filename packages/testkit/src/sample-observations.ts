import {
  type Facts,
  type MeasuredFacts,
  type MovedConnection,
  type ObservationOf,
  type ObservedPayload,
  type ReceiptTerms,
  sha256Hex,
  utf8,
} from "@amc/core"

/** Of which call of which session an observation speaks. */
export interface SampleCall {
  readonly agent: string
  readonly session: string
  readonly callId: string
  readonly body?: string
  readonly receipt?: boolean
}

export const sampleSession: MeasuredFacts<"session_open"> = {
  kind: "sandbox",
  driver: "bubblewrap",
  providers: [{ provider: "openai", upstream: "https://api.openai.com", loopback: false }],
  command_sha256: "11".repeat(32),
  work_sha256: "22".repeat(32),
  max_calls: 100,
  max_duration_ms: 600_000,
}

/** A request as the gateway observes it. */
export function sampleRequest(call: SampleCall): ObservationOf<"llm_request"> {
  const { agent, session, callId } = call
  const payload = samplePayload(call.body ?? `{"model":"m-1","call":"${callId}"}`)
  const facts: Facts<"llm_request"> = {
    // In canonical order, as the gateway gives them: so they are written without being sorted.
    measured: {
      body_bytes: payload.size,
      call_id: callId,
      facts_truncated: false,
      method: "POST",
      provider: "openai",
      secrets_found: 0,
      upstream: "https://api.openai.com",
    },
    reported: {
      format: "openai.chat",
      model: "m-1",
      path: "/v1/chat/completions",
      stream: false,
      tools: 2,
    },
  }
  const channel = "gateway:run-socket"
  return {
    type: "llm_request",
    channel,
    agent,
    session,
    facts,
    payload,
    ...receiptOf(call, "llm_request"),
  }
}

/** The response to {@link sampleRequest}. */
export function sampleResponse(
  call: SampleCall,
  requestEventHash: string,
): ObservationOf<"llm_response"> {
  const { agent, session, callId } = call
  const payload = samplePayload(call.body ?? `{"id":"${callId}","usage":{"prompt_tokens":12}}`)
  const facts: Facts<"llm_response"> = {
    measured: {
      call_id: callId,
      request_event_hash: requestEventHash,
      status: 200,
      from_upstream: true,
      completeness: "complete",
      body_bytes: payload.size,
      first_byte_ms: 40,
      total_ms: 400,
      retry_after_ms: -1,
      facts_truncated: false,
    },
    reported: {
      model: "m-1",
      finish_reason: "stop",
      input_tokens: 12,
      output_tokens: 34,
      cache_read_tokens: -1,
      cache_write_tokens: -1,
      tool_calls: 1,
      tool_names: ["read_file"],
    },
  }
  const channel = "gateway:run-socket"
  return {
    type: "llm_response",
    channel,
    agent,
    session,
    facts,
    payload,
    ...receiptOf(call, "llm_response"),
  }
}

/** Connections as the egress proxy observes them, before it dials. */
export function sampleConnect(
  { agent, session }: Pick<SampleCall, "agent" | "session">,
  ...connectionIds: readonly string[]
): ObservationOf<"network_connect"> {
  const facts: Facts<"network_connect"> = {
    measured: {
      connections: connectionIds.map((id) => ({
        connection_id: id,
        kind: "tunnel",
        host: "api.example.com",
        port: 443,
        address: "198.51.100.7",
        rule: "*.example.com",
        exception: "",
        secrets_found: 0,
      })),
    },
    reported: {
      requests: connectionIds.map(() => ({ method: "CONNECT", target: "api.example.com:443" })),
    },
  }
  return { type: "network_connect", channel: "gateway:run-socket", agent, session, facts }
}

/** What {@link sampleConnect} has moved so far. */
export function sampleTraffic(
  { agent, session }: Pick<SampleCall, "agent" | "session">,
  ...moved: readonly (Pick<MovedConnection, "connection_id" | "connect_event_hash"> &
    Partial<MovedConnection>)[]
): ObservationOf<"network_traffic"> {
  const facts: Facts<"network_traffic"> = {
    measured: {
      connections: moved.map((one) => ({
        completeness: "complete",
        bytes_sent: 517,
        bytes_received: 4096,
        duration_ms: 900,
        status: 0,
        ...one,
      })),
    },
    reported: {
      hellos: moved.map(() => ({ server_name: "api.example.com", encrypted_hello: false })),
    },
  }
  return { type: "network_traffic", channel: "gateway:run-socket", agent, session, facts }
}

/** What AMC says about itself, outside of any session. */
export function sampleAudit(detail: string): ObservationOf<"audit"> {
  const measured = { code: "CONFIG_UNSIGNED" as const, subject: "gateway.yaml", detail }
  const facts = { measured, reported: {} }
  return { type: "audit", channel: "recorder", agent: "_system", session: null, facts }
}

export function samplePayload(text: string): ObservedPayload {
  const blob = utf8(text)
  return { sha256: sha256Hex(blob), size: blob.length, media: "application/json", blob }
}

function receiptOf(
  { callId, receipt = false }: SampleCall,
  kind: ReceiptTerms["kind"],
): { readonly receipt?: ReceiptTerms } {
  if (!receipt) return {}
  return { receipt: { kind, receipt_id: `${kind}-${callId}`, provider: "openai", model: "m-1" } }
}
