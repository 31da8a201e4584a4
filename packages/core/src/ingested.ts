/** Whose word a claim is. */
export const claimants = ["agent", "vendor", "document"] as const
export type Claimant = (typeof claimants)[number]

/** The files of others that can be ingested (spec/ingest.md). */
export const ingestFormats = ["jsonl", "otlp", "promptfoo", "garak", "inspect"] as const
export type IngestFormat = (typeof ingestFormats)[number]

/** What a call in a trace was found to be; only the first speaks for the trace (spec/trace.md). */
export const traceVerdicts = [
  "correlated",
  "no-receipt",
  "receipt-invalid",
  "event-not-found",
  "body-mismatch",
  "agent-mismatch",
  "replayed",
] as const
export type TraceVerdict = (typeof traceVerdicts)[number]
