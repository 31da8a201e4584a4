import { z } from "zod"
import { fromBase64url, toBase64url } from "./base64.ts"
import { canonicalize, parseCanonical } from "./canonical.ts"
import { encodeEnvelope, parseEnvelope, signEnvelope, verifyEnvelope } from "./dsse.ts"
import type { PublicKey, Signer } from "./public-key.ts"
import { malformed } from "./errors.ts"
import { agentId, count, foreign, hex32, label } from "./fact-field.ts"

export const receiptPayloadType = "application/vnd.amc.receipt.v1+json"

const schema = z.strictObject({
  v: z.literal(1),
  kind: z.enum(["llm_request", "llm_response"]),
  receipt_id: label,
  ts: count,
  agent: agentId,
  session: label,
  provider: label,
  model: foreign,
  event_hash: hex32,
  body_sha256: hex32,
  lane: agentId,
  lseq: count,
  origin: label,
  kid: hex32,
})

/**
 * The monitor's promise that an event is in its ledger, and of which body it speaks.
 *
 * A promise only, like an SCT: it proves inclusion once a checkpoint covers the event. (SCITT says
 * "receipt" for what has the proof in it.)
 */
export type Receipt = z.infer<typeof schema>

/** Signs a receipt; the text goes into the `x-amc-receipt` header. */
export function mintReceipt(receipt: Receipt, signer: Signer): string {
  return toBase64url(
    encodeEnvelope(signEnvelope(receiptPayloadType, canonicalize(receipt), [signer])),
  )
}

/**
 * Reads a receipt and returns it only if one of these keys signed it and it names that key.
 *
 * Whether that key was allowed to speak for this lane at that time is the caller's question.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export function openReceipt(header: string, keys: ReadonlyMap<string, PublicKey>): Receipt {
  if (header.length > 8192) throw malformed("receipt is longer than 8192 characters")
  const envelope = parseEnvelope(fromBase64url(header))
  const signedBy = verifyEnvelope(envelope, receiptPayloadType, keys)
  const parsed = schema.safeParse(parseCanonical(envelope.payload))
  if (!parsed.success) throw malformed("receipt breaks its schema")
  if (!signedBy.has(parsed.data.kid))
    throw malformed("receipt is not signed by a key that is trusted here")
  return parsed.data
}
