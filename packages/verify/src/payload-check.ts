import {
  type Event,
  type Finding,
  isFault,
  type Keyring,
  sha256Hex,
  type SignedLeaf,
} from "@amc/core"
import type { FindingList } from "./finding-list.ts"
import type { LedgerSource } from "./ledger-source.ts"
import { PruneLog } from "./prune-log.ts"

/** Of whose keys the prunes must be, and when the verifier looks. */
export interface PayloadTerms {
  readonly keyring: Keyring
  readonly atMs: number
}

/** What of the named payloads was found. */
export interface PayloadSummary {
  /** How many stored payloads were hashed again; one that many events name may be hashed more than once. */
  readonly blobs: number
  /** How many events' payloads are gone as the retention policy allows. */
  readonly pruned: number
}

const foundMax = 65_536

interface Missing {
  readonly lane: string
  readonly lseq: number
  readonly sha256: string
  readonly subject: string
}

/** Their payloads are somebody's word, without which they say nothing. */
const spoken: ReadonlySet<string> = new Set([
  "run_sealed",
  "config_change",
  "payload_prune",
  "attestation",
])

/**
 * Hashes each stored payload that an event names, and tells those that a signed policy let go from those that
 * somebody took away. A prune comes after what it names, so that the missing are judged at the end.
 */
export class PayloadCheck {
  readonly #source: Pick<LedgerSource, "blob">
  readonly #findings: FindingList
  readonly #prunes: PruneLog
  /** What was found to be there lately, so that what many events name is not read for each. */
  readonly #found = new Set<string>()
  readonly #gone = new Set<string>()
  #blobs = 0
  readonly #missing: Missing[] = []

  constructor(source: Pick<LedgerSource, "blob">, terms: PayloadTerms, findings: FindingList) {
    this.#source = source
    this.#findings = findings
    this.#prunes = new PruneLog({ ...terms, isWhole: true })
  }

  /** Looks for the payload of the next event; gives its bytes if the event says something by them. */
  async note(leaf: SignedLeaf, event: Event, subject: string): Promise<Uint8Array | null> {
    const bytes = await this.#look(event, subject)
    this.#findings.addAll(this.#prunes.note(leaf, event, bytes, subject))
    return bytes
  }

  /** To be called after the last event of all lanes. */
  finish(): PayloadSummary {
    const taken = this.#missing.filter(({ lane, lseq }) => !this.#prunes.isPruned(lane, lseq))
    this.#findings.addAll(taken.map(missingFinding))
    return { blobs: this.#blobs, pruned: this.#missing.length - taken.length }
  }

  async #look({ type, lane, lseq, payload }: Event, subject: string): Promise<Uint8Array | null> {
    const sha256 = payload?.blob_sha256 ?? null
    if (sha256 === null) return null
    const isGone = this.#gone.has(sha256)
    if (isGone) this.#missing.push({ lane, lseq, sha256, subject })
    if (isGone || (this.#found.has(sha256) && !spoken.has(type))) return null
    const bytes = await this.#read(sha256)
    if (bytes === null) {
      this.#gone.add(sha256)
      this.#missing.push({ lane, lseq, sha256, subject })
      return null
    }
    this.#noteFound(sha256)
    if (bytes !== "damaged" && sha256Hex(bytes) === sha256) return spoken.has(type) ? bytes : null
    this.#findings.add(damagedFinding(sha256, subject))
    return null
  }

  /** Forgets all at once when it is many, so that a long ledger takes no more memory than a short one. */
  #noteFound(sha256: string): void {
    if (!this.#found.has(sha256)) this.#blobs++
    if (this.#found.size === foundMax) this.#found.clear()
    this.#found.add(sha256)
  }

  async #read(sha256: string): Promise<Uint8Array | null | "damaged"> {
    try {
      return await this.#source.blob(sha256)
    } catch (error) {
      if (isFault(error, "store/damaged")) return "damaged"
      throw error
    }
  }
}

function missingFinding({ sha256, subject }: Missing): Finding {
  const detail = `its payload ${sha256} is not there, and no policy let it go`
  return { code: "ledger/blob-missing", subject, detail, tampered: true }
}

function damagedFinding(sha256: string, subject: string): Finding {
  const detail = `what is stored as payload ${sha256} are other bytes`
  return { code: "ledger/blob-contradicted", subject, detail, tampered: true }
}
