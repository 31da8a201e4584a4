import { z } from "zod"
import { encodeEnvelope, parseEnvelope, signEnvelope, verifyEnvelope } from "./dsse.ts"
import { malformed } from "./errors.ts"
import { agentId, count, hex32, label } from "./fact-field.ts"
import type { PublicKey, Signer } from "./public-key.ts"
import { encodeStatement, parseStatement, STATEMENT_PAYLOAD_TYPE } from "./statement.ts"

export const attestationPredicateType = "urn:amc:attestation:v1"

const fields = {
  workspace: label,
  agent: agentId,
  lane: agentId,
  first_aseq: count,
  last_aseq: count,
  first_event_hash: hex32,
  last_event_hash: hex32,
  /** Why the auditor vouches for it. */
  reason: z.string().min(1).max(500),
}

/** The predicate of an attestation (spec/ingest.md, 6). */
export const attestationPredicate: z.ZodObject<typeof fields, z.core.$strict> = z
  .strictObject(fields)
  .refine(({ first_aseq: first, last_aseq: last }) => first <= last, "is a range")

/**
 * A part of an agent's chain that an auditor vouches for. The chain's hashes bind all between its two ends.
 */
export type Attestation = z.infer<typeof attestationPredicate>

/** The statement about a part of a chain, for a notary to sign. */
export function encodeAttestation(attestation: Attestation): Uint8Array {
  const predicate = attestationPredicate.parse(attestation)
  return encodeStatement({
    subject: [{ name: subjectOf(predicate), sha256hex: predicate.last_event_hash }],
    predicateType: attestationPredicateType,
    predicate,
  })
}

/** Signs an attestation; returns the envelope's bytes. */
export function signAttestation(attestation: Attestation, auditor: Signer): Uint8Array {
  return encodeEnvelope(
    signEnvelope(STATEMENT_PAYLOAD_TYPE, encodeAttestation(attestation), [auditor]),
  )
}

/**
 * Reads an attestation if one of these auditor keys signed it. Whether that key counted there and then is
 * the caller's question.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export function openAttestation(
  bytes: Uint8Array,
  auditors: ReadonlyMap<string, PublicKey>,
): Attestation {
  const envelope = parseEnvelope(bytes)
  if (verifyEnvelope(envelope, STATEMENT_PAYLOAD_TYPE, auditors).size === 0)
    throw malformed("the attestation is not signed by an auditor's key")
  return parseAttestation(envelope.payload)
}

/** Reads the statement about a part of a chain, unsigned. @throws {@link AmcError} `input/malformed` */
export function parseAttestation(payload: Uint8Array): Attestation {
  const { subject, predicateType, predicate } = parseStatement(payload)
  const parsed = attestationPredicate.safeParse(predicate)
  if (predicateType !== attestationPredicateType || !parsed.success)
    throw malformed("attestation breaks its schema")
  const [events] = subject
  const { data } = parsed
  if (
    subject.length !== 1 ||
    events?.name !== subjectOf(data) ||
    events.sha256hex !== data.last_event_hash
  )
    throw malformed("attestation has another subject than it says")
  return data
}

function subjectOf({ lane, agent, first_aseq: first, last_aseq: last }: Attestation): string {
  return `${lane}/${agent}/${first}-${last}`
}
