import { z } from "zod"
import { fromBase64url, toBase64url } from "./base64.ts"
import { canonicalize, parseCanonical } from "./canonical.ts"
import { type CommitProof, isInCommit, parseSignature, signCommit } from "./commit.ts"
import type { Digest } from "./digest.ts"
import { isFault, malformed } from "./errors.ts"
import { agentId, count, foreign, hex32, label } from "./fact-field.ts"
import { hashLeaf } from "./merkle/hash.ts"
import type { PublicKey, Signer } from "./public-key.ts"

const receiptSchema = z.strictObject({
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
export type Receipt = z.infer<typeof receiptSchema>

interface SignedReceipt {
  readonly receipt: Receipt
  readonly leafHash: Digest
  readonly proof: CommitProof
}

const textMax = 8192

/** A receipt's canonical JSON in base64url, and the leaf hash under which its commit is signed. */
export interface SpelledReceipt {
  readonly text: string
  readonly leafHash: Digest
}

export function spellReceipt(receipt: Receipt): SpelledReceipt {
  const bytes = canonicalize(receipt)
  return { text: toBase64url(bytes), leafHash: hashLeaf(bytes) }
}

/** The text for the `x-amc-receipt` header of a receipt with its leaf's signature. */
export function receiptText(text: string, signature: string): string {
  return `${text}.${signature.replaceAll(" ", ".")}`
}

/** Signs a receipt in a commit of its own. */
export function mintReceipt(receipt: Receipt, signer: Signer): string {
  const { text, leafHash } = spellReceipt(receipt)
  const [signature = ""] = signCommit([leafHash], signer)
  return receiptText(text, signature)
}

/**
 * Reads a receipt and returns it only if the one of these keys that it names signed it.
 *
 * Whether that key was allowed to speak for this lane at that time is the caller's question.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export function openReceipt(header: string, keys: ReadonlyMap<string, PublicKey>): Receipt {
  const { receipt, leafHash, proof } = parseSigned(header)
  const key = keys.get(receipt.kid)
  if (key === undefined || !isInCommit(leafHash, proof, key))
    throw malformed("receipt is not signed by a key that is trusted here")
  return receipt
}

/** The id of the key that a text says that it is signed with, rightly or not; `null` if it is no receipt. */
export function keyNamedInReceipt(header: string): string | null {
  try {
    return parseSigned(header).receipt.kid
  } catch (error) {
    if (isFault(error, "input/malformed")) return null
    throw error
  }
}

function parseSigned(header: string): SignedReceipt {
  if (header.length > textMax) throw malformed(`receipt is longer than ${textMax} characters`)
  // A space would be a second spelling of a dot.
  if (header.includes(" ")) throw malformed("receipt has a space")
  const [spelled = "", ...signature] = header.split(".")
  const bytes = fromBase64url(spelled)
  const parsed = receiptSchema.safeParse(parseCanonical(bytes))
  if (!parsed.success) throw malformed("receipt breaks its schema")
  const proof = parseSignature(signature.join(" "))
  return { receipt: parsed.data, leafHash: hashLeaf(bytes), proof }
}
