import { toHex } from "@amc/core"
import type { SqliteLedger } from "@amc/store-sqlite"
import { eventOf } from "../ledger-reader.ts"

/** What traces of an agent told before: spans, and the responses that they were found to be. */
export interface TraceHistory {
  readonly spans: Set<string>
  readonly responses: Set<string>
}

export function noHistory(): TraceHistory {
  return { spans: new Set(), responses: new Set() }
}

/** Reads it from the ledger. */
export async function readTraceHistory(
  { events }: SqliteLedger,
  lane: string,
  agent: string,
): Promise<TraceHistory> {
  const history = noHistory()
  for await (const { leaf, agent: of } of events.readType(lane, "trace_claim")) {
    if (of !== agent) continue
    const event = eventOf(leaf)
    if (event.type !== "trace_claim") continue
    for (const { span_sha256, event_hash } of event.facts.measured.calls) {
      history.spans.add(span_sha256)
      if (event_hash !== null) history.responses.add(event_hash)
    }
  }
  return history
}

/** The `ingest` event of the same bytes in the same format, if there is one. */
export async function findIngested(
  { events }: SqliteLedger,
  lane: string,
  { agent, sha256, format }: { agent: string; sha256: string; format: string },
): Promise<{ lseq: number; event_hash: string } | null> {
  for await (const { leaf, leafHash, lseq, agent: of } of events.readType(lane, "ingest")) {
    if (of !== agent) continue
    const event = eventOf(leaf)
    if (event.type !== "ingest") continue
    const { source_sha256, format: known } = event.facts.measured
    if (source_sha256 === sha256 && known === format) return { lseq, event_hash: toHex(leafHash) }
  }
  return null
}
