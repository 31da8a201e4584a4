import { z } from "zod"
import { facts, none } from "./fact.ts"
import { agentId, count, foreign, hex32, integer, questionId, step } from "./fact-field.ts"
import { claimants, ingestFormats, traceVerdicts } from "./ingested.ts"

const claimant = z.enum(claimants)
const ingestFormat = z.enum(ingestFormats)
const traceVerdict = z.enum(traceVerdicts)

/** What came in from outside, and who vouches for it. */
export const ingestFacts = {
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
} as const
