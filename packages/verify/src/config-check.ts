import {
  type Event,
  type EventBody,
  type Finding,
  openSignedFile,
  type PublicKey,
  sha256Hex,
  type SignedFileTerms,
} from "@amc/core"
import { type ConfigChangeTerms, openConfigChange } from "./config-change.ts"
import { FindingList } from "./finding-list.ts"
import { keyFindings } from "./key-check.ts"

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

/** What was put in force last at a path. */
export interface ConfigInForce {
  readonly version: number
  readonly sha256: string
  /** When the auditor's signature of it ends. */
  readonly expiresMs: number | null
  /** Whether the key that signed it does not count there: replaced, stolen, or of another place. */
  readonly isDoubted: boolean
}

interface Signing extends Pick<ConfigInForce, "expiresMs" | "isDoubted"> {
  readonly doubts: readonly Finding[]
}

/** Against what config files are checked. */
export interface ConfigTerms {
  readonly workspace: string
  /** All auditors, also those whose keys have ended. */
  readonly auditors: ReadonlyMap<string, PublicKey>
  /** Those who may sign what the ledger does not name yet. */
  readonly liveAuditors: ReadonlyMap<string, PublicKey>
  readonly history: ConfigHistory
  /** The time that an expiry is judged at. */
  readonly atMs: number
}

/**
 * Follows the `config_change` events of a ledger. One that does not hold the auditor's signature of the same
 * says nothing, and none undoes an earlier one: what does not raise the version of its path does not count.
 */
export class ConfigLog {
  readonly #history = new Map<string, { version: number; sha256: string }>()
  /** By path: that its last change is by a key that was stolen since. */
  readonly #doubts = new Map<string, readonly Finding[]>()
  readonly #signing = new Map<string, Pick<ConfigInForce, "expiresMs" | "isDoubted">>()
  readonly #terms: Omit<ConfigChangeTerms, "subject">

  constructor(terms: Omit<ConfigChangeTerms, "subject">) {
    this.#terms = terms
  }

  get history(): ConfigHistory {
    return this.#history
  }

  /**
   * Takes the next event into account, with the bytes of its payload, and says what is wrong with it. The
   * same change told twice is no fault. By a key that was revoked since it still tells the version.
   */
  note(event: Event, envelope: Uint8Array | null, subject: string): readonly Finding[] {
    if (event.type !== "config_change") return []
    const findings = new FindingList()
    const change = openConfigChange(event, envelope, { ...this.#terms, subject }, findings)
    if (change === undefined) return findings.all()
    const place = { index: event.lseq, ts: event.ts }
    const use = { role: "auditor", signedBy: change.signedBy, place, subject } as const
    const flaws = keyFindings(this.#terms.keyring, use)
    const doubts = flaws.filter(({ code }) => code === "trust/key-compromised")
    const rest = flaws.filter((flaw) => !doubts.includes(flaw))
    const { expiresMs } = change
    return [
      ...rest,
      ...this.#follow(event, subject, { doubts, isDoubted: flaws.length > 0, expiresMs }),
    ]
  }

  /** What the last change of a path put in force, if any did. */
  inForce(path: string): ConfigInForce | undefined {
    const last = this.#history.get(path)
    if (last === undefined) return undefined
    return { ...last, ...(this.#signing.get(path) ?? { expiresMs: null, isDoubted: true }) }
  }

  /** What remains in doubt at the end: a change by a stolen key that nobody has signed anew since. */
  doubts(): readonly Finding[] {
    return [...this.#doubts.values()].flat()
  }

  #follow(
    { facts }: EventBody<"config_change">,
    subject: string,
    { doubts, ...signing }: Signing,
  ): readonly Finding[] {
    const { path, version, sha256 } = facts.measured
    const last = this.#history.get(path)
    if (last === undefined || version > last.version) {
      this.#history.set(path, { version, sha256 })
      this.#doubts.set(path, doubts)
      this.#signing.set(path, signing)
      return []
    }
    if (version === last.version && sha256 === last.sha256) return []
    const detail = `it puts version ${version} of ${path} after version ${last.version}`
    return [{ code: "config/rolled-back", subject, detail, tampered: true }]
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
    if (signed !== undefined) {
      findings.addAll(termsFindings(file, signed, terms))
      if (findings.isEmpty) findings.addAll(endedKeyFindings(file, signed, terms))
    }
  }
  return findings.all()
}

/** A key that has ended still counts for what the ledger named while it counted. */
function endedKeyFindings(
  { path, bytes, signature }: ConfigFile,
  { version }: SignedFileTerms,
  { history, liveAuditors }: ConfigTerms,
): readonly Finding[] {
  const last = history.get(path)
  if (last?.version === version && last.sha256 === sha256Hex(bytes)) return []
  const terms = { code: "trust/key-superseded", subject: path, tampered: false } as const
  const live = new FindingList().attempt(terms, () =>
    openSignedFile(bytes, signature ?? new Uint8Array(), liveAuditors),
  )
  if (live !== undefined) return []
  const detail = "it is signed by an auditor's key that has ended, and the ledger does not name it"
  return [{ ...terms, detail }]
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
