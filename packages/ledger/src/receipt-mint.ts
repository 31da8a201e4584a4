import {
  foreign,
  label,
  malformed,
  type Observation,
  type Receipt,
  type Recorded,
  shapeCheck,
} from "@amc/core"
import { z } from "zod"

const schema = z.strictObject({
  kind: z.enum(["llm_request", "llm_response"]),
  receipt_id: label,
  provider: label,
  model: foreign,
})
const isShaped = shapeCheck(schema)

/**
 * Refuses terms that would make no valid receipt, before anything is written for them: once the event
 * is durable it is too late to say no.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export function checkReceiptTerms({ receipt, type, session, payload }: Observation): void {
  if (receipt === undefined) return
  const fits = isShaped(receipt) || schema.safeParse(receipt).success
  if (!fits || !Object.values(receipt).every(isWellFormed))
    throw malformed("the terms of a receipt break their schema")
  if (receipt.kind !== type) throw malformed("a receipt is of another kind than its event")
  if (session === null || payload === undefined)
    throw malformed("a receipt needs a session and a payload")
}

/** An observation with the receipt that it asks for, and where its event comes to lie. */
export interface Kept {
  readonly observation: Observation
  readonly place: Omit<Recorded, "receipt">
}

/** What is promised of an event once it is durable; `null` if it asked for no receipt. */
export function receiptOf(
  { observation, place }: Kept,
  origin: string,
  kid: string,
): Receipt | null {
  const { receipt, agent, session, payload } = observation
  if (receipt === undefined || session === null || payload === undefined) return null
  const { kind, model, provider, receipt_id } = receipt
  const { event_hash, lane, lseq, ts } = place
  const body_sha256 = payload.sha256
  // Members in canonical order are encoded twice as fast.
  return {
    agent,
    body_sha256,
    event_hash,
    kid,
    kind,
    lane,
    lseq,
    model,
    origin,
    provider,
    receipt_id,
    session,
    ts,
    v: 1,
  }
}

function isWellFormed(text: string): boolean {
  return text.isWellFormed()
}
