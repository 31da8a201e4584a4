import {
  type Certificate,
  type CertificateFile,
  encodeEnvelope,
  Keyring,
  openKeyCertificate,
  parseCertificateFile,
  fromBase64,
  sha256Hex,
  STATEMENT_PAYLOAD_TYPE,
  type Verdict,
} from "@amc/core"
import { checkEnvelope } from "./envelope-check.ts"
import { FindingList } from "./finding-list.ts"
import { keyFindings } from "./key-check.ts"
import {
  type CurrentTrust,
  expiryFindings,
  type KnownTrust,
  openCurrentTrust,
  type VersionedTrust,
} from "./known-trust.ts"

/** What the verifier of a certificate trusts: nothing but this. */
export interface CertificateTerms {
  /** The issuer's root, pinned out of band: the digest of its version 1. */
  readonly rootSha256: string
  /** What this verifier saw before under that root. */
  readonly known?: KnownTrust | undefined
  /** The time that validity and expiry are judged at. A certificate that was taken back is so at any time. */
  readonly atMs: number
  /** The bundle that the certificate is to be about. */
  readonly bundle?: Uint8Array | undefined
}

/** An accepted certificate with what is to be remembered of it. */
export interface VerifiedCertificate {
  readonly certificate: Certificate
  /** The digest by which it would be revoked. */
  readonly sha256: string
  readonly signedBy: readonly string[]
  readonly trust: VersionedTrust
}

const subject = "certificate"
/** How far the issuer's clock may be ahead of the verifier's. */
const skewMs = 5 * 60_000

/**
 * Verifies a certificate by its bytes and the issuer's pinned root (spec/certificate.md): signed by an auditor of
 * that root, valid at the time, and not taken back. Total over any bytes.
 *
 * It says that the issuer saw a bundle pass; who has the bundle can look themselves.
 *
 * @throws {@link AmcError} what is wrong with the verifier's own memory
 */
export function verifyCertificate(
  bytes: Uint8Array,
  terms: CertificateTerms,
): Verdict<VerifiedCertificate> {
  const findings = new FindingList()
  return findings.verdict(checkCertificate(bytes, terms, findings))
}

function checkCertificate(
  bytes: Uint8Array,
  terms: CertificateTerms,
  findings: FindingList,
): VerifiedCertificate | undefined {
  const malformed = { code: "cert/malformed", subject, tampered: false } as const
  const file = findings.attempt(malformed, () => parseCertificateFile(bytes))
  if (file === undefined) return undefined
  const opened = openTrust(file, terms, findings)
  if (opened === undefined) return undefined
  const { keyring, current } = opened
  const signedBy = signersOf(file, keyring, findings)
  if (signedBy === undefined) return undefined
  const { certificate, sha256 } = file
  const place = { index: 0, ts: certificate.issued_ms }
  const use = { role: "auditor", signedBy, place, orLater: true, subject } as const
  findings.addAll(keyFindings(keyring, use))
  addTermFindings(file, { ...terms, keyring }, findings)
  findings.addAll(expiryFindings(current, terms.atMs))
  return { certificate, sha256, signedBy: [...signedBy].sort(), trust: current.files }
}

function openTrust(
  { certificate }: CertificateFile,
  terms: CertificateTerms,
  findings: FindingList,
): { readonly keyring: Keyring; readonly current: CurrentTrust } | undefined {
  const { roots, revocations, keys } = certificate.trust
  const brought = { roots: roots.map(fromBase64), revocations: fromBase64(revocations) }
  const current = openCurrentTrust(brought, terms, findings)
  if (current === undefined) return undefined
  const found = { code: "cert/keys", subject, tampered: false } as const
  const keyring = findings.attempt(found, () => {
    const opened = keys.map((key) => openKeyCertificate(fromBase64(key), current.roots.current))
    return new Keyring(current.roots, current.revocations, opened)
  })
  return keyring && { keyring, current }
}

function signersOf(
  { envelope }: CertificateFile,
  keyring: Keyring,
  findings: FindingList,
): ReadonlySet<string> | undefined {
  const terms = {
    code: "cert/signature",
    subject,
    payloadType: STATEMENT_PAYLOAD_TYPE,
    keys: keyring.keys("auditor"),
  } as const
  return checkEnvelope(encodeEnvelope(envelope), terms, findings)?.signedBy
}

function addTermFindings(
  { certificate, sha256 }: CertificateFile,
  { keyring, rootSha256, atMs, bundle }: CertificateTerms & { readonly keyring: Keyring },
  findings: FindingList,
): void {
  const add = (code: `cert/${string}`, detail: string, tampered = false): void =>
    findings.add({ code, subject, detail, tampered })
  if (certificate.workspace !== keyring.workspace || certificate.root_sha256 !== rootSha256)
    add("cert/another-issuer", "it names another workspace or root than its issuer's")
  if (keyring.revocations.certificates.has(sha256)) add("cert/revoked", "its issuer took it back")
  if (certificate.issued_ms > atMs + skewMs) add("cert/not-yet", "it was issued later than that")
  if (certificate.expires_ms <= atMs) add("cert/expired", "it is valid no more")
  if (bundle !== undefined && sha256Hex(bundle) !== certificate.bundle_sha256)
    add("cert/another-bundle", "it is about another bundle than the one that was given", true)
}
