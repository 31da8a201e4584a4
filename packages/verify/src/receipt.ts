import {
  type Finding,
  fromHex,
  hashLeaf,
  keyNamedInReceipt,
  type Keyring,
  openReceipt,
  parseEvent,
  type Receipt,
  sha256Hex,
  type TlogProof,
  toHex,
  type Verdict,
  verifyInclusion,
} from "@amc/core"
import { FindingList } from "./finding-list.ts"
import { keyFindings } from "./key-check.ts"
import { checkpointUse, openSignedCheckpoint } from "./signed-checkpoint.ts"

/** What a receipt is compared with; what is absent is not checked. */
export interface ReceiptTerms {
  /** Of a root that the caller has pinned. */
  readonly keyring: Keyring
  /** The body as the client sent or got it, without content coding. */
  readonly body?: Uint8Array
  readonly leaf?: Uint8Array
  /** Counts only together with {@link checkpoint}. */
  readonly proof?: Pick<TlogProof, "index" | "path">
  /** The signed note of a checkpoint. */
  readonly checkpoint?: string
}

/** A receipt with what was established beyond its signature. */
export interface ReceiptSummary {
  readonly receipt: Receipt
  readonly bodyMatches: boolean
  readonly leafMatches: boolean
  /** Whether the event is in the tree of a signed checkpoint: without that, a receipt is a promise. */
  readonly isIncluded: boolean
}

/** Verifies the text of an `x-amc-receipt` header (spec/receipt.md). Total over any text and bytes. */
export function verifyReceipt(header: string, terms: ReceiptTerms): Verdict<ReceiptSummary> {
  const findings = new FindingList()
  const receipt = openTrusted(header, terms.keyring, findings)
  if (receipt === undefined) return findings.verdict<ReceiptSummary>(undefined)
  checkBody(receipt, terms, findings)
  checkLeaf(receipt, terms, findings)
  checkInclusion(receipt, terms, findings)
  const { body, leaf, proof, checkpoint } = terms
  return findings.verdict({
    receipt,
    bodyMatches: body !== undefined,
    leafMatches: leaf !== undefined,
    isIncluded: proof !== undefined && checkpoint !== undefined,
  })
}

function openTrusted(header: string, keyring: Keyring, findings: FindingList): Receipt | undefined {
  const keys = keyring.keys("monitor")
  const terms = {
    code: "receipt/refused",
    subject: "receipt",
    tampered: keys.has(keyNamedInReceipt(header) ?? ""),
  } as const
  const receipt = findings.attempt(terms, () => openReceipt(header, keys))
  if (receipt === undefined) return undefined
  const { kid, lane, lseq: index, ts } = receipt
  const use = { role: "monitor", signedBy: new Set([kid]), place: { lane, index, ts } } as const
  findings.addAll(keyFindings(keyring, { ...use, subject: "receipt" }))
  return receipt
}

function checkBody({ body_sha256 }: Receipt, { body }: ReceiptTerms, findings: FindingList): void {
  if (body !== undefined && sha256Hex(body) !== body_sha256)
    findings.add({
      code: "receipt/another-body",
      subject: "body",
      detail: "the receipt is of another body",
      tampered: true,
    })
}

function checkLeaf(receipt: Receipt, { leaf }: ReceiptTerms, findings: FindingList): void {
  if (leaf === undefined) return
  const contradicts = (detail: string): void =>
    findings.add({ code: "receipt/another-event", subject: "leaf", detail, tampered: true })
  if (toHex(hashLeaf(leaf)) !== receipt.event_hash)
    return contradicts("the receipt names another event")
  // Whoever signed the receipt signed this hash of the event with it.
  const event = findings.attempt(
    { code: "receipt/leaf-malformed", subject: "leaf", tampered: false },
    () => parseEvent(leaf),
  )
  if (event === undefined) return
  const agrees =
    event.kid === receipt.kid &&
    event.type === receipt.kind &&
    event.agent === receipt.agent &&
    event.session === receipt.session &&
    event.lane === receipt.lane &&
    event.lseq === receipt.lseq &&
    event.ts === receipt.ts &&
    event.payload?.sha256 === receipt.body_sha256
  if (!agrees) contradicts("the receipt says otherwise than its event")
}

function checkInclusion(
  receipt: Receipt,
  { proof, checkpoint: note, keyring }: ReceiptTerms,
  findings: FindingList,
): void {
  if (note === undefined) return
  const checkpoint = findings.attempt(
    { code: "receipt/checkpoint", subject: "checkpoint", tampered: false },
    () => openSignedCheckpoint(note, receipt.origin, keyring.keys("ledger")),
  )
  if (checkpoint === undefined || proof === undefined) return
  findings.addAll(keyFindings(keyring, { ...checkpointUse(checkpoint), subject: "checkpoint" }))
  const { size: treeSize, root } = checkpoint
  if (
    verifyInclusion(
      fromHex(receipt.event_hash),
      { leafIndex: proof.index, treeSize, path: proof.path },
      root,
    )
  )
    return
  const notIncluded: Finding = {
    code: "receipt/not-included",
    subject: "proof",
    detail: "the checkpoint's tree does not have the event there",
    tampered: false,
  }
  findings.add(notIncluded)
}
