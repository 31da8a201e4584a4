import { type TraceVerdict, traceVerdicts } from "@amc/core"
import type { EvidenceEvent } from "./evidence.ts"
import { quotient } from "./integer.ts"

/** What the calls in an agent's traces were found to be, in a window. */
export interface TraceSummary {
  readonly calls: number
  readonly correlated: number
  readonly no_receipt: number
  readonly receipt_invalid: number
  readonly event_not_found: number
  readonly body_mismatch: number
  readonly agent_mismatch: number
  readonly replayed: number
  /** Of the calls, cut. */
  readonly correlated_per_mille: number
}

/** The share of correlated calls below which the correlation is low (S7). */
const enoughPerMille = 950

/** Sums up what was told of an agent's calls since a time; `null` where no trace told of one. */
export function tracesOf(
  events: readonly EvidenceEvent[],
  agent: string,
  sinceMs: number,
): TraceSummary | null {
  const own = events.filter(({ event }) => event.agent === agent)
  const counts = countsOf(own.toSorted(byTime), responsesIn(own), sinceMs)
  const calls = traceVerdicts.reduce((sum, verdict) => sum + counts[verdict], 0)
  return calls === 0 ? null : summaryOf(counts, calls)
}

/** How many calls bear what was forged, altered, played again or is another's; missing receipts are left aside. */
export function forgedIn({ calls, correlated, no_receipt }: TraceSummary): number {
  return calls - correlated - no_receipt
}

export function isLow({ calls, correlated }: TraceSummary): boolean {
  return correlated * 1000 < calls * enoughPerMille
}

/**
 * A span counts once, and a response speaks for one span. The monitor compared receipts and bodies; that the
 * response is in the evidence is looked for again.
 */
function countsOf(
  told: readonly EvidenceEvent[],
  responses: ReadonlySet<string>,
  sinceMs: number,
): Readonly<Record<TraceVerdict, number>> {
  const counts = noCounts()
  const [spans, used] = [new Set<string>(), new Set<string>()]
  for (const { event } of told) {
    if (event.type !== "trace_claim") continue
    for (const { span_sha256, verdict, event_hash } of event.facts.measured.calls) {
      if (spans.has(span_sha256)) continue
      spans.add(span_sha256)
      const found = verdict === "correlated" ? judged(event_hash, responses, used) : verdict
      if (event.ts >= sinceMs) counts[found]++
    }
  }
  return counts
}

function judged(
  hash: string | null,
  responses: ReadonlySet<string>,
  used: Set<string>,
): TraceVerdict {
  if (hash === null || !responses.has(hash)) return "event-not-found"
  if (used.has(hash)) return "replayed"
  used.add(hash)
  return "correlated"
}

function responsesIn(events: readonly EvidenceEvent[]): ReadonlySet<string> {
  const responses = events.filter(({ event }) => event.type === "llm_response")
  return new Set(responses.map(({ hash }) => hash))
}

function summaryOf(counts: Readonly<Record<TraceVerdict, number>>, calls: number): TraceSummary {
  return {
    calls,
    correlated: counts.correlated,
    no_receipt: counts["no-receipt"],
    receipt_invalid: counts["receipt-invalid"],
    event_not_found: counts["event-not-found"],
    body_mismatch: counts["body-mismatch"],
    agent_mismatch: counts["agent-mismatch"],
    replayed: counts.replayed,
    correlated_per_mille: quotient(counts.correlated * 1000, calls),
  }
}

function noCounts(): Record<TraceVerdict, number> {
  return Object.fromEntries(traceVerdicts.map((verdict) => [verdict, 0])) as Record<
    TraceVerdict,
    number
  >
}

function byTime(a: EvidenceEvent, b: EvidenceEvent): number {
  return a.event.ts - b.event.ts
}
