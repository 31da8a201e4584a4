import { z } from "zod"
import { fromBase64, fromBase64url, toBase64, toBase64url } from "./base64.ts"
import { canonicalize, canonicalText, parseCanonical } from "./canonical.ts"
import { toHex, utf8 } from "./bytes.ts"
import type { Digest } from "./digest.ts"
import { pae } from "./dsse.ts"
import { verifyEd25519 } from "./ed25519.ts"
import { isFault, malformed } from "./errors.ts"
import { agentId, count, foreign, hex32, label } from "./fact-field.ts"
import { emptyRoot, hashLeaf } from "./merkle/hash.ts"
import { rootFromInclusion } from "./merkle/inclusion.ts"
import { levelsOf, pathInLevels } from "./merkle/levels.ts"
import type { PublicKey, Signer } from "./public-key.ts"

/** Of what is signed: the tree of the receipts that were made together. */
export const receiptsPayloadType = "application/vnd.amc.receipts.v1+json"

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
const signedSchema = z.strictObject({
  index: count,
  path: z.array(z.string()).max(16),
  receipt: receiptSchema,
  signature: z.string(),
  size: count,
})

/**
 * The monitor's promise that an event is in its ledger, and of which body it speaks.
 *
 * A promise only, like an SCT: it proves inclusion once a checkpoint covers the event. (SCITT says
 * "receipt" for what has the proof in it.)
 */
export type Receipt = z.infer<typeof receiptSchema>

type SignedReceipt = z.infer<typeof signedSchema>

const textMax = 8192

/** Signs a receipt; the text goes into the `x-amc-receipt` header. */
export function mintReceipt(receipt: Receipt, signer: Signer): string {
  return mintReceipts([receipt], signer)[0] as string
}

/**
 * Signs the receipts of events that became durable together, all with one signature: over the root of a tree of
 * which each text has its leaf and the path from there.
 */
export function mintReceipts(receipts: readonly Receipt[], signer: Signer): string[] {
  const spellings = receipts.map((receipt) => canonicalText(receipt))
  const leafHashes = spellings.map((spelling) => hashLeaf(utf8(spelling)))
  const levels = levelsOf(leafHashes)
  const [size, root] = [leafHashes.length, levels.at(-1)?.[0] ?? emptyRoot]
  const signature = toBase64(signer.sign(signedBytes(root, size)))
  // A node stands in the paths of many leaves.
  const spelled = levels.map((row) => row.map((node) => `"${toBase64(node)}"`))
  return spellings.map((spelling, index) => {
    const path = `[${pathInLevels(spelled, index).join()}]`
    const parts = `"path":${path},"receipt":${spelling},"signature":"${signature}","size":${size}`
    return toBase64url(utf8(`{"index":${index},${parts}}`))
  })
}

/**
 * Reads a receipt and returns it only if the one of these keys that it names signed it.
 *
 * Whether that key was allowed to speak for this lane at that time is the caller's question.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export function openReceipt(header: string, keys: ReadonlyMap<string, PublicKey>): Receipt {
  const signed = parseSigned(header)
  const { receipt, signature } = signed
  const key = keys.get(receipt.kid)
  const message = signedBytes(rootOfPath(signed), signed.size)
  if (key === undefined || !verifyEd25519(key, message, fromBase64(signature)))
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
  const parsed = signedSchema.safeParse(parseCanonical(fromBase64url(header)))
  if (!parsed.success) throw malformed("receipt breaks its schema")
  return parsed.data
}

function rootOfPath({ index, path, receipt, size }: SignedReceipt): Digest {
  const proof = { leafIndex: index, treeSize: size, path: path.map(fromBase64) }
  try {
    return rootFromInclusion(hashLeaf(canonicalize(receipt)), proof)
  } catch (cause) {
    if (isFault(cause, "proof/malformed")) throw malformed("a receipt's path does not fit", cause)
    throw cause
  }
}

function signedBytes(root: Digest, size: number): Uint8Array {
  return pae(receiptsPayloadType, canonicalize({ root: toHex(root), size, v: 1 }))
}
