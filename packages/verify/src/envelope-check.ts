import { type Envelope, parseEnvelope, type PublicKey, verifyEnvelope } from "@amc/core"
import type { FindingList, FindingTerms } from "./finding-list.ts"

/** A payload that at least one trusted key signed, and the ids of those keys. */
export interface SignedPayload {
  readonly payload: Uint8Array
  readonly signedBy: ReadonlySet<string>
}

/** Who may have signed an envelope, of which kind, and how a failure is reported. */
export interface EnvelopeTerms extends Pick<FindingTerms, "code" | "subject"> {
  readonly payloadType: string
  readonly keys: ReadonlyMap<string, PublicKey>
}

/**
 * Opens an envelope that one of these keys signed. A certified key's signature that does not fit counts
 * as tampering; a signature by a stranger is merely nobody's word.
 */
export function checkEnvelope(
  bytes: Uint8Array,
  terms: EnvelopeTerms,
  findings: FindingList,
): SignedPayload | undefined {
  const { code, subject, payloadType, keys } = terms
  const envelope = findings.attempt({ code, subject, tampered: false }, () => parseEnvelope(bytes))
  if (envelope === undefined) return undefined
  const signedBy = verifyEnvelope(envelope, payloadType, keys)
  if (signedBy.size > 0) return { payload: envelope.payload, signedBy }
  const tampered = isByKnownKey(envelope, keys)
  const detail = tampered
    ? "a certified key's signature does not fit"
    : "no key that the root certified for this signed it"
  findings.add({ code, subject, detail, tampered })
  return undefined
}

/** Whether an envelope names one of these keys, rightly or not. */
function isByKnownKey({ signatures }: Envelope, keys: ReadonlyMap<string, PublicKey>): boolean {
  return signatures.some(({ keyid }) => keys.has(keyid))
}
