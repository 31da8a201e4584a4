import {
  foreign,
  label,
  malformed,
  mintReceipt,
  type Observation,
  type Recorded,
  type Signer,
} from "@amc/core"
import { z } from "zod"

const schema = z.strictObject({
  kind: z.enum(["llm_request", "llm_response"]),
  receipt_id: label,
  provider: label,
  model: foreign,
})

/**
 * Refuses terms that would make no valid receipt, before anything is written for them: once the event
 * is durable it is too late to say no.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export function checkReceiptTerms({ receipt, type, session, payload }: Observation): void {
  if (receipt === undefined) return
  if (!schema.safeParse(receipt).success || !Object.values(receipt).every(isWellFormed))
    throw malformed("the terms of a receipt break their schema")
  if (receipt.kind !== type) throw malformed("a receipt is of another kind than its event")
  if (session === null || payload === undefined)
    throw malformed("a receipt needs a session and a payload")
}

/** The receipt of a durable event, or `null` if none was asked for. */
export function receiptOf(
  observation: Observation,
  place: Omit<Recorded, "receipt">,
  { origin, signer }: { readonly origin: string; readonly signer: Signer },
): string | null {
  const { receipt, agent, session, payload } = observation
  if (receipt === undefined || session === null || payload === undefined) return null
  const { kind, model, provider, receipt_id } = receipt
  const { event_hash, lane, lseq, ts } = place
  // Members in canonical order are encoded twice as fast.
  const body = {
    agent,
    body_sha256: payload.sha256,
    event_hash,
    kid: signer.key.kid,
    kind,
    lane,
    lseq,
    model,
    origin,
    provider,
    receipt_id,
    session,
    ts,
    v: 1 as const,
  }
  return mintReceipt(body, signer)
}

function isWellFormed(text: string): boolean {
  return text.isWellFormed()
}
