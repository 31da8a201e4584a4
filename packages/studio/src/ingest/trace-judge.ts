import {
  type Event,
  eventHash,
  isFault,
  type MeasuredFacts,
  openReceipt,
  type Receipt,
  type TraceVerdict,
} from "@amc/core"
import type { SqliteLedger } from "@amc/store-sqlite"
import { keyFindings } from "@amc/verify"
import { eventOf } from "../ledger-reader.ts"
import type { Workspace } from "../workspace.ts"
import type { TraceHistory } from "./trace-history.ts"
import type { TracedCall } from "./trace-spans.ts"

export type JudgedCall = MeasuredFacts<"trace_claim">["calls"][number]

export interface TraceTerms {
  readonly workspace: Workspace
  readonly ledger: SqliteLedger
  readonly agent: string
  /** Grows with what is judged. */
  readonly history: TraceHistory
}

/** The event that a receipt speaks of, or why it speaks of none here. */
type Opened = { readonly receipt: Receipt; readonly event: Event } | { readonly flaw: TraceVerdict }

/**
 * Compares the calls of a trace with receipts and ledger, one after the other (spec/trace.md). A receipt counts
 * if the monitor signed it, it is this agent's, its event is in its place, and the body's digest is the same.
 */
export class TraceJudge {
  readonly #terms: TraceTerms

  constructor(terms: TraceTerms) {
    this.#terms = terms
  }

  /** Null for a span that was judged before, here or in an earlier trace. */
  async judge(call: TracedCall): Promise<JudgedCall | null> {
    const { spans, responses } = this.#terms.history
    if (spans.has(call.spanSha256)) return null
    spans.add(call.spanSha256)
    const span_sha256 = call.spanSha256
    const response = await this.#response(call)
    if ("flaw" in response) return { span_sha256, verdict: response.flaw, event_hash: null }
    const { event_hash } = response.receipt
    const isReplayed = responses.has(event_hash)
    responses.add(event_hash)
    return { span_sha256, verdict: isReplayed ? "replayed" : "correlated", event_hash }
  }

  async #response(call: TracedCall): Promise<Opened> {
    const { receipt, requestReceipt, requestBodySha256: requestBody } = call
    const response = await this.#open(receipt, "llm_response", call.bodySha256)
    if ("flaw" in response) return response
    if (requestReceipt === null && requestBody === null) return response
    const request = await this.#open(requestReceipt, "llm_request", requestBody)
    if ("flaw" in request) return request
    return isAnswerTo(response.event, request.receipt) ? response : { flaw: "receipt-invalid" }
  }

  async #open(
    text: string | null,
    kind: Receipt["kind"],
    bodySha256: string | null,
  ): Promise<Opened> {
    if (text === null) return { flaw: "no-receipt" }
    const receipt = this.#openText(text)
    if (receipt?.kind !== kind) return { flaw: "receipt-invalid" }
    if (receipt.agent !== this.#terms.agent) return { flaw: "agent-mismatch" }
    const event = await this.#eventOf(receipt)
    if (event === undefined) return { flaw: "event-not-found" }
    if (event.agent !== receipt.agent) return { flaw: "agent-mismatch" }
    const isSame =
      bodySha256 === receipt.body_sha256 && event.payload?.sha256 === receipt.body_sha256
    return isSame ? { receipt, event } : { flaw: "body-mismatch" }
  }

  #openText(text: string): Receipt | undefined {
    const { keyring, origin } = this.#terms.workspace
    try {
      const receipt = openReceipt(text, keyring.keys("monitor"))
      const { kid, lane, lseq: index, ts } = receipt
      const place = { lane, index, ts }
      const use = { role: "monitor", signedBy: new Set([kid]), place, subject: "receipt" } as const
      const isGood = receipt.origin === origin && keyFindings(keyring, use).length === 0
      return isGood ? receipt : undefined
    } catch (error) {
      if (isFault(error)) return undefined
      throw error
    }
  }

  /** The event at the receipt's place, if its hash is the receipt's. */
  async #eventOf({ lane, lseq, event_hash }: Receipt): Promise<Event | undefined> {
    for await (const { leaf } of this.#terms.ledger.events.read(lane, lseq, lseq))
      return eventHash(leaf) === event_hash ? eventOf(leaf) : undefined
    return undefined
  }
}

function isAnswerTo(event: Event, request: Receipt): boolean {
  return (
    event.type === "llm_response" && event.facts.measured.request_event_hash === request.event_hash
  )
}
