import {
  type Event,
  type Finding,
  openSignedFile,
  type PublicKey,
  sha256Hex,
  type SignedFileTerms,
} from "@amc/core"
import { FindingList } from "./finding-list.ts"

/** A config file as it was found, with the bytes of its `.sig` file if there is one. */
export interface ConfigFile {
  readonly path: string
  readonly bytes: Uint8Array
  readonly signature: Uint8Array | null
}

/** What the ledger says was in force last, by path. */
export type ConfigHistory = ReadonlyMap<
  string,
  { readonly version: number; readonly sha256: string }
>

/** Against what config files are checked. */
export interface ConfigTerms {
  readonly workspace: string
  readonly auditors: ReadonlyMap<string, PublicKey>
  readonly history: ConfigHistory
  /** The time that an expiry is judged at. */
  readonly atMs: number
}

/** The last `config_change` of each path; the later of two calls wins. */
export function noteConfigChange(
  history: Map<string, { version: number; sha256: string }>,
  event: Event,
): void {
  if (event.type !== "config_change") return
  const { path, version, sha256 } = event.facts.measured
  history.set(path, { version, sha256 })
}

/** What is wrong with a config file: unsigned, not by the auditor, another file's, expired, or an older one put back. */
export function checkConfig(file: ConfigFile, terms: ConfigTerms): readonly Finding[] {
  const subject = file.path
  const findings = new FindingList()
  if (file.signature === null) findings.add(missingSignature(subject, terms.history))
  else {
    const signature = file.signature
    const signed = findings.attempt(
      { code: "config/signature-invalid", subject, tampered: true },
      () => openSignedFile(file.bytes, signature, terms.auditors),
    )
    if (signed !== undefined) findings.addAll(termsFindings(file, signed, terms))
  }
  return findings.all()
}

function missingSignature(subject: string, history: ConfigHistory): Finding {
  if (!history.has(subject))
    return {
      code: "config/unsigned",
      subject,
      detail: "the file has no signature",
      tampered: false,
    }
  return {
    code: "config/signature-missing",
    subject,
    detail: "the file was signed before and has no signature now",
    tampered: true,
  }
}

function termsFindings(
  file: ConfigFile,
  signed: SignedFileTerms,
  { workspace, history, atMs }: ConfigTerms,
): readonly Finding[] {
  const subject = file.path
  if (signed.path !== subject || signed.workspace !== workspace)
    return [
      {
        code: "config/another-file",
        subject,
        detail: "the signature is of another file or workspace",
        tampered: true,
      },
    ]
  if (isSuperseded(file, signed, history))
    return [
      {
        code: "config/superseded",
        subject,
        detail: "the ledger names a later file in its place",
        tampered: true,
      },
    ]
  if (signed.expires_ms !== null && signed.expires_ms < atMs)
    return [
      { code: "config/expired", subject, detail: "the signature has expired", tampered: false },
    ]
  return []
}

function isSuperseded(
  { path, bytes }: ConfigFile,
  { version }: SignedFileTerms,
  history: ConfigHistory,
): boolean {
  const last = history.get(path)
  if (last === undefined || version > last.version) return false
  return version < last.version || sha256Hex(bytes) !== last.sha256
}
