import {
  type Attestation,
  type Event,
  type EventBody,
  type Finding,
  type Keyring,
  parseAttestation,
  sha256Hex,
  STATEMENT_PAYLOAD_TYPE,
} from "@amc/core"
import { attestationPath } from "@amc/bundle"
import type { BundleFiles } from "./bundle-files.ts"
import { checkEnvelope } from "./envelope-check.ts"
import type { EvidenceNotes } from "./evidence-notes.ts"
import { FindingList } from "./finding-list.ts"
import { keyFindings } from "./key-check.ts"
import { namedFileFindings } from "./named-files.ts"

/** Of whose keys an attestation must be, and how findings call its event. */
export interface AttestationTerms {
  readonly keyring: Keyring
  readonly subject: string
}

const code = "ledger/attestation" as const

/**
 * What is wrong with an `attestation` event: the monitor's key signed it, and it raises something only if the
 * auditor signed the same in the envelope that is its payload.
 */
export function attestationFindings(
  event: Event,
  envelope: Uint8Array | null,
  { keyring, subject }: AttestationTerms,
): readonly Finding[] {
  if (event.type !== "attestation") return []
  const findings = new FindingList()
  if (envelope === null) {
    const detail = "the event does not hold the auditor's signature"
    findings.add({ code, subject, detail, tampered: false })
    return findings.all()
  }
  const keys = keyring.keys("auditor")
  const kind = { code, subject, payloadType: STATEMENT_PAYLOAD_TYPE, keys } as const
  const signed = checkEnvelope(envelope, kind, findings)
  if (signed === undefined) return findings.all()
  const place = { index: event.lseq, ts: event.ts }
  const use = { role: "auditor", signedBy: signed.signedBy, place, subject } as const
  findings.addAll(keyFindings(keyring, use))
  const said = findings.attempt({ code, subject, tampered: false }, () =>
    parseAttestation(signed.payload),
  )
  if (said === undefined || isOf(event, envelope, said, keyring.workspace)) return findings.all()
  const detail = "the auditor signed another range, agent or workspace than the event says"
  findings.add({ code, subject, detail, tampered: true })
  return findings.all()
}

/** The same for the attestations in a bundle's slices, whose envelopes are files of it. */
export function bundleAttestationFindings(
  files: BundleFiles,
  { words }: EvidenceNotes,
  keyring: Keyring,
): readonly Finding[] {
  const { attestations: sha256s } = files.contents
  const flaws = words.flatMap(({ event }) => {
    const subject = `event ${event.aseq} of ${event.agent} in lane ${event.lane}`
    const sha256 = event.payload?.blob_sha256 ?? ""
    const envelope = sha256s.includes(sha256) ? files.get(attestationPath(sha256)) : null
    return attestationFindings(event, envelope, { keyring, subject })
  })
  const named = {
    sha256s,
    pathOf: attestationPath,
    type: "attestation",
    what: "attestation",
  } as const
  return [...flaws, ...namedFileFindings(files, words, named)]
}

function isOf(
  { agent, facts: { measured } }: EventBody<"attestation">,
  envelope: Uint8Array,
  said: Attestation,
  workspace: string,
): boolean {
  return (
    said.workspace === workspace &&
    said.agent === agent &&
    said.lane === measured.lane &&
    said.first_aseq === measured.first_aseq &&
    said.last_aseq === measured.last_aseq &&
    said.first_event_hash === measured.first_event_hash &&
    said.last_event_hash === measured.last_event_hash &&
    sha256Hex(envelope) === measured.statement_sha256
  )
}
