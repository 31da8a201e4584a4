import { z } from "zod"
import { facts, none } from "./fact.ts"
import { count, flag, foreign, hex32, integer, label } from "./fact-field.ts"

/** What the gateway saw of calls, and whom it let in. */
export const callFacts = {
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
} as const
