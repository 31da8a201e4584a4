import {
  type CheckpointPin,
  type Event,
  eventHash,
  isSignedBy,
  parseEvent,
  parseProofExtra,
  parseTlogProof,
  type ProofExtra,
  type Receipt,
  sha256Hex,
  text,
  toHex,
  type TlogProof,
  type Verdict,
} from "@amc/core"
import { FindingList } from "./finding-list.ts"
import { keyFindings } from "./key-check.ts"
import type { VersionedTrust } from "./known-trust.ts"
import {
  checkInclusion,
  type OpenProofTrust,
  openProofTrust,
  type ProofTrust,
} from "./proof-trust.ts"
import { verifyReceipt } from "./receipt.ts"

export interface EventProofTerms {
  readonly trust: ProofTrust
  /** A receipt that the caller has; needs a root. */
  readonly receipt?: string | undefined
  /** The event that the caller asks about, 64 hexadecimal digits. */
  readonly eventHash?: string | undefined
  /** The body as the client sent or got it, without content coding. */
  readonly body?: Uint8Array | undefined
}

/** What a proof was found to show. */
export interface EventProofSummary {
  readonly origin: string
  readonly index: number
  readonly event_hash: string
  readonly checkpoint: Omit<CheckpointPin, "seen_ms">
  /** The event itself, if the proof brought it along. */
  readonly event: Event | null
  /** A receipt that the monitor signed for this event. */
  readonly receipt: Receipt | null
  readonly body_matches: boolean
}

/** An accepted proof with what a verifier should remember of it. */
export interface VerifiedEventProof {
  readonly summary: EventProofSummary
  /** Null where only keys of ledgers are trusted. */
  readonly trust: (VersionedTrust & { readonly workspace: string }) | null
}

/**
 * Verifies the bytes of a proof (spec/proof.md): the event is in the tree of a checkpoint that a trusted ledger
 * key signed, and receipt and body are that event's. No database, no network, no clock; total over any bytes.
 *
 * It says nothing of when: for that, the checkpoint's cosignatures are judged by a witness policy.
 */
export function verifyEventProof(
  bytes: Uint8Array,
  terms: EventProofTerms,
): Verdict<VerifiedEventProof> {
  const findings = new FindingList()
  return findings.verdict(checkProof(bytes, terms, findings))
}

function checkProof(
  bytes: Uint8Array,
  terms: EventProofTerms,
  findings: FindingList,
): VerifiedEventProof | undefined {
  const malformed = { code: "proof/malformed", subject: "proof", tampered: false } as const
  const proof = findings.attempt(malformed, () => parseTlogProof(text(bytes)))
  if (proof === undefined) return undefined
  const extra = findings.attempt({ ...malformed, subject: "extra" }, () =>
    proof.extra === null ? null : parseProofExtra(proof.extra),
  )
  if (extra === undefined) return undefined
  const hash = namedEvent(extra, terms, findings)
  const trust = hash === undefined ? undefined : openProofTrust(extra, terms.trust, findings)
  if (hash === undefined || trust === undefined) return undefined
  const checkpoint = checkInclusion(proof, hash, trust, findings)
  if (checkpoint === undefined) return undefined
  const event = checkLeaf(extra, trust, findings)
  const receipt = checkReceipt(proof, { extra, terms, trust }, findings)
  if (event === undefined) return undefined
  const bodyMatches = checkBody(terms.body, event, findings)
  const { origin, size, root } = checkpoint
  return {
    summary: {
      origin,
      index: proof.index,
      event_hash: hash,
      checkpoint: { size, root_sha256: toHex(root) },
      event,
      receipt,
      body_matches: bodyMatches,
    },
    trust: trust.keyring === null ? null : { ...trust.files, workspace: trust.keyring.workspace },
  }
}

/** The event that the leaf is, which must be the one that the caller asks about. */
function namedEvent(
  extra: ProofExtra | null,
  { eventHash: asked }: EventProofTerms,
  findings: FindingList,
): string | undefined {
  const brought = extra === null ? undefined : eventHash(extra.leaf)
  const hash = brought ?? asked
  if (hash === undefined)
    findings.add({
      code: "proof/no-event",
      subject: "proof",
      detail: "it does not say of which event it is, and the caller does not either",
      tampered: false,
    })
  else if (asked !== undefined && asked !== hash)
    findings.add({
      code: "proof/another-event",
      subject: "proof",
      detail: `it is of the event ${hash}`,
      tampered: false,
    })
  else return hash
  return undefined
}

/** The event of the leaf; null if the proof brought none along. */
function checkLeaf(
  extra: ProofExtra | null,
  { keyring }: OpenProofTrust,
  findings: FindingList,
): Event | null | undefined {
  if (extra === null) return null
  const terms = { code: "proof/leaf-malformed", subject: "leaf", tampered: false } as const
  const event = findings.attempt(terms, () => parseEvent(extra.leaf))
  if (event === undefined || keyring === null) return event
  const key = keyring.keys("monitor").get(event.kid)
  if (key === undefined || !isSignedBy(extra, key)) {
    const detail = "no certified monitor key signed the event, though it is in the ledger"
    findings.add({
      code: "proof/leaf-unsigned",
      subject: "leaf",
      detail,
      tampered: key !== undefined,
    })
    return undefined
  }
  const place = { lane: event.lane, index: event.lseq, ts: event.ts }
  const use = { role: "monitor", signedBy: new Set([event.kid]), place, subject: "leaf" } as const
  findings.addAll(keyFindings(keyring, use))
  return event
}

interface ReceiptCheck {
  readonly extra: ProofExtra | null
  readonly terms: EventProofTerms
  readonly trust: OpenProofTrust
}

/** Every receipt that there is must hold and be of this leaf; the caller's own is the one that is told of. */
function checkReceipt(
  { index, path, checkpoint }: TlogProof,
  { extra, terms, trust: { keyring } }: ReceiptCheck,
  findings: FindingList,
): Receipt | null {
  if (keyring === null || extra === null) return withoutRoot(terms, findings)
  const texts = new Set([terms.receipt, extra.receipt].filter((one) => typeof one === "string"))
  const given = { keyring, proof: { index, path }, checkpoint, leaf: extra.leaf }
  const receipts = [...texts].map((header) => verifyReceipt(header, given))
  for (const verdict of receipts) if (!verdict.accepted) findings.addAll(verdict.findings)
  const [first] = receipts
  return first?.accepted === true ? first.value.receipt : null
}

/** Who signs receipts, only a root tells. */
function withoutRoot({ receipt }: EventProofTerms, findings: FindingList): null {
  if (receipt !== undefined)
    findings.add({
      code: "proof/receipt-unverified",
      subject: "receipt",
      detail: "a ledger's key does not tell who signs receipts; a root does",
      tampered: false,
    })
  return null
}

/** Whether there is a body and it is the event's. */
function checkBody(
  body: Uint8Array | undefined,
  event: Event | null,
  findings: FindingList,
): boolean {
  if (body === undefined) return false
  const expected = event?.payload?.sha256
  if (expected === sha256Hex(body)) return true
  const detail =
    expected === undefined
      ? "the event speaks of no body"
      : "the event is of another body than this one"
  const code = "receipt/another-body"
  findings.add({ code, subject: "body", detail, tampered: expected !== undefined })
  return false
}
