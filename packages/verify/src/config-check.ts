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

/** What the ledger says was in force last, by path: the highest version. */
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

/**
 * Follows the `config_change` events of a ledger. The monitor's key alone signs them, so one can't undo
 * an earlier one: what does not raise the version of its path does not count.
 */
export class ConfigLog {
  readonly #history = new Map<string, { version: number; sha256: string }>()

  get history(): ConfigHistory {
    return this.#history
  }

  /** Takes the next event into account and says what is wrong with it. The same change told twice is no fault. */
  note(event: Event): readonly Omit<Finding, "subject">[] {
    if (event.type !== "config_change") return []
    const { path, version, sha256 } = event.facts.measured
    const last = this.#history.get(path)
    if (last === undefined || version > last.version) {
      this.#history.set(path, { version, sha256 })
      return []
    }
    if (version === last.version && sha256 === last.sha256) return []
    const detail = `it puts version ${version} of ${path} after version ${last.version}`
    return [{ code: "config/rolled-back", detail, tampered: true }]
  }
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
