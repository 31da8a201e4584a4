import { z } from "zod"
import { fromBase64 } from "./base64.ts"
import { canonicalize, type JsonValue, parseCanonical } from "./canonical.ts"
import { equalBytes } from "./bytes.ts"
import { sha256Hex } from "./digest.ts"
import { encodeEnvelope, type Envelope, parseEnvelope, signEnvelope } from "./dsse.ts"
import { AmcError, isFault, malformed } from "./errors.ts"
import { agentId, count, hex32, label } from "./fact-field.ts"
import { isObjectOf } from "./members.ts"
import type { Signer } from "./public-key.ts"
import { keysMax } from "./revocation-list.ts"
import { encodeStatement, parseStatement, STATEMENT_PAYLOAD_TYPE } from "./statement.ts"

/** Of an SLSA verification summary, whose members a certificate has beside its own. */
export const certificatePredicateType = "https://slsa.dev/verification_summary/v1"
const mediaType = "application/vnd.dev.sigstore.bundle.v0.3+json"
const ownMember = "urn:amc:certificate:v1"
const sizeMax = 4 << 20
/** A certificate is valid for so long at most. */
export const certificateDaysMax = 365
const dayMs = 86_400_000

const level = z.union([z.literal([0, 1, 2, 3, 4, 5]), z.literal("U")])
const base64 = z
  .string()
  .max(2 << 20)
  .refine(isBase64, "is not base64 in its one spelling")

/** What every certificate asks for, whatever its policy does. One that says less has no spelling, whoever signed it. */
export const certificateFloors = { integrityIndex: 70, completenessPerMille: 950 } as const

const schema = z
  .strictObject({
    /** Of whoever issued it. */
    workspace: label,
    root_sha256: hex32,
    issued_ms: count,
    expires_ms: count,
    bundle_sha256: hex32,
    report_sha256: hex32,
    run: z.strictObject({
      workspace: label,
      origin: label,
      agent: agentId,
      run_id: label,
      opened_ms: count,
      /** The producer's root. */
      root_sha256: hex32,
      checkpoint: z.strictObject({ size: count, root_sha256: hex32 }),
    }),
    standing: z.strictObject({
      overall: level,
      layers: z.array(z.strictObject({ name: label, level })).max(64),
      trust_label: z.enum(["LOW TRUST", "HIGH TRUST"]),
      integrity_index: z.int().min(certificateFloors.integrityIndex).max(100),
      completeness_per_mille: z.int().min(certificateFloors.completenessPerMille).max(1000),
      posture: z.enum(["measured", "declared"]),
      upstreams: z
        .array(z.strictObject({ provider: label, upstream: label, loopback: z.boolean() }))
        .min(1)
        .max(256),
    }),
    policy: z.strictObject({
      id: agentId,
      name: label,
      sha256: hex32,
      workspace: label,
      root_sha256: hex32,
      version: z.int().min(1),
    }),
    /** Of whoever issued it: hints, which count only under a pinned root. */
    trust: z.strictObject({
      roots: z.array(base64).min(1).max(1024),
      revocations: base64,
      keys: z.array(base64).max(keysMax),
    }),
  })
  .refine(
    ({ issued_ms, expires_ms }) =>
      expires_ms > issued_ms && expires_ms - issued_ms <= certificateDaysMax * dayMs,
    "is not valid for 1 to 365 days",
  )

/** What an auditor certifies: a run that passed a gate, with what it came to, for a time. */
export type Certificate = z.infer<typeof schema>

/** The statement about a certificate, for a notary to sign. @throws {@link AmcError} `input/malformed` */
export function encodeCertificate(certificate: Certificate): Uint8Array {
  const parsed = schema.safeParse(certificate)
  if (!parsed.success) throw malformed("certificate breaks its schema", parsed.error)
  const { agent } = parsed.data.run
  return encodeStatement({
    subject: [
      { name: `${agent}.amcbundle`, sha256hex: parsed.data.bundle_sha256 },
      { name: "run/report.json", sha256hex: parsed.data.report_sha256 },
    ],
    predicateType: certificatePredicateType,
    predicate: predicateOf(parsed.data) as never,
  })
}

/**
 * Reads the statement about a certificate, unsigned, in exactly the spelling of {@link encodeCertificate}.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export function parseCertificate(payload: Uint8Array): Certificate {
  const { predicateType, predicate } = parseStatement(payload)
  if (predicateType !== certificatePredicateType) throw malformed("not a certificate's statement")
  const parsed = schema.safeParse(predicate[ownMember])
  if (!parsed.success) throw malformed("certificate breaks its schema", parsed.error)
  if (!equalBytes(encodeCertificate(parsed.data), payload))
    throw malformed("certificate's members contradict each other")
  return parsed.data
}

/** Signs a certificate's statement; returns the bytes of the `.amccert` file. */
export function signCertificate(payload: Uint8Array, auditor: Signer): Uint8Array {
  const envelope = signEnvelope(STATEMENT_PAYLOAD_TYPE, payload, [auditor])
  return canonicalize({
    mediaType,
    verificationMaterial: { publicKey: { hint: auditor.key.kid }, tlogEntries: [] },
    dsseEnvelope: parseCanonical(encodeEnvelope(envelope)),
  })
}

/** A certificate as it lies in its file. Nobody is known to have signed it. */
export interface CertificateFile {
  readonly envelope: Envelope
  readonly certificate: Certificate
  /** By which it is revoked: SHA-256 of the signed statement, 64 hexadecimal digits. */
  readonly sha256: string
}

/**
 * Reads a `.amccert` file: a Sigstore bundle v0.3 with a public-key hint and one signature, in one spelling.
 *
 * @throws {@link AmcError} `input/malformed`, `input/too-large`, `input/unsupported-version`
 */
export function parseCertificateFile(bytes: Uint8Array): CertificateFile {
  if (bytes.length > sizeMax)
    throw new AmcError("input/too-large", `a certificate may have ${sizeMax} bytes`)
  const value = parseCanonical(bytes)
  if (!isObjectOf(value, ["dsseEnvelope", "mediaType", "verificationMaterial"]))
    throw malformed("not a certificate: no sigstore bundle with an envelope")
  if (value.mediaType !== mediaType) throw otherMedia(value.mediaType)
  const envelope = parseEnvelope(canonicalize(value.dsseEnvelope))
  const [signature, ...others] = envelope.signatures
  if (signature === undefined || others.length > 0)
    throw malformed("certificate does not have exactly one signature")
  const material = { publicKey: { hint: signature.keyid }, tlogEntries: [] }
  if (!equalBytes(canonicalize(value.verificationMaterial), canonicalize(material)))
    throw malformed("certificate's verification material is not the hint of its signature")
  return {
    envelope,
    certificate: parseCertificate(envelope.payload),
    sha256: sha256Hex(envelope.payload),
  }
}

function predicateOf(certificate: Certificate): Record<string, JsonValue> {
  const { root_sha256, issued_ms, bundle_sha256, run, standing, policy } = certificate
  return {
    verifier: { id: `urn:amc:root:sha256:${root_sha256}` },
    timeVerified: utc(issued_ms),
    resourceUri: `urn:amc:agent:sha256:${run.root_sha256}/${run.agent}`,
    policy: {
      uri: `urn:amc:policy:sha256:${policy.root_sha256}/${policy.id}`,
      digest: { sha256: policy.sha256 },
    },
    inputAttestations: [{ uri: "urn:amc:bundle", digest: { sha256: bundle_sha256 } }],
    verificationResult: "PASSED",
    verifiedLevels: [
      `AMC_OVERALL_${standing.overall}`,
      `AMC_${standing.trust_label.replace(" ", "_")}`,
    ],
    [ownMember]: certificate as unknown as JsonValue,
  }
}

function isBase64(text: string): boolean {
  try {
    fromBase64(text)
    return true
  } catch (error) {
    if (isFault(error)) return false
    throw error
  }
}

/** As RFC 3339 has it. */
function utc(ms: number): string {
  if (ms > 253_402_300_799_999) throw malformed("certificate's time has no four-digit year")
  // oxlint-disable-next-line no-restricted-globals -- of a given time, not of now
  return new Date(ms).toISOString()
}

function otherMedia(found: JsonValue): AmcError {
  return typeof found === "string" && found.startsWith("application/vnd.dev.sigstore.bundle")
    ? new AmcError("input/unsupported-version", "the sigstore bundle is of another version")
    : malformed("not a sigstore bundle")
}
