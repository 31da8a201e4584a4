import { type AuditCode, type TraceVerdict, traceVerdicts } from "@amc/core"
import type { JudgedCall } from "./trace-judge.ts"

/** The correlation of a trace is low below so many of a hundred. */
const enoughPercent = 95

/** What the new calls of a trace were found to be, by verdict. */
export interface TraceTally {
  readonly calls: number
  readonly verdicts: Readonly<Record<TraceVerdict, number>>
  /** Spans that an earlier trace told already. */
  readonly known: number
  readonly low: boolean
}

export function tallyTrace(calls: readonly JudgedCall[], known: number): TraceTally {
  const verdicts = Object.fromEntries(traceVerdicts.map((verdict) => [verdict, 0])) as Record<
    TraceVerdict,
    number
  >
  for (const { verdict } of calls) verdicts[verdict]++
  const low = verdicts.correlated * 100 < calls.length * enoughPercent
  return { calls: calls.length, verdicts, known, low }
}

const codes: Readonly<Partial<Record<TraceVerdict, AuditCode>>> = {
  "receipt-invalid": "TRACE_RECEIPT_INVALID",
  "event-not-found": "TRACE_EVENT_HASH_NOT_FOUND",
  "body-mismatch": "TRACE_BODY_HASH_MISMATCH",
  "agent-mismatch": "TRACE_AGENT_MISMATCH",
  // A receipt speaks for one call.
  replayed: "TRACE_RECEIPT_INVALID",
}

const reasons: Readonly<Record<TraceVerdict, string>> = {
  correlated: "correlate with a response in the ledger",
  "no-receipt": "bear no receipt",
  "receipt-invalid": "bear a receipt that no key of the monitor signed, or that is of another call",
  "event-not-found": "bear a receipt of an event that is not in the ledger",
  "body-mismatch": "say another body than the receipt",
  "agent-mismatch": "bear a receipt of another agent's call",
  replayed: "bear a receipt that another span bears",
}

/** One audit for each thing that is wrong with a trace, worded for its owner. */
export function traceAudits({
  calls,
  verdicts,
  low,
}: TraceTally): readonly { readonly code: AuditCode; readonly detail: string }[] {
  const wrong = traceVerdicts.flatMap((verdict) => {
    const code = codes[verdict]
    if (code === undefined || verdicts[verdict] === 0) return []
    return [{ code, detail: verdictText(verdict, verdicts[verdict], calls) }]
  })
  if (!low) return wrong
  const share = verdictText("correlated", verdicts.correlated, calls)
  const detail = `${share}, and fewer than ${enoughPercent} of 100 are few`
  return [...wrong, { code: "TRACE_CORRELATION_LOW", detail }]
}

/** Such as `3 of 20 calls bear no receipt`. */
export function verdictText(verdict: TraceVerdict, count: number, calls: number): string {
  return `${count} of ${calls} calls ${reasons[verdict]}`
}
