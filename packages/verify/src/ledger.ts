import {
  equalBytes,
  type Event,
  type Finding,
  fromHex,
  hashLeaf,
  isFault,
  type Keyring,
  parseRunSeal,
  sha256Hex,
  STATEMENT_PAYLOAD_TYPE,
  type Verdict,
} from "@amc/core"
import { ChainCheck, type ChainSummary } from "./chain-check.ts"
import { checkConfig, type ConfigFile, ConfigLog } from "./config-check.ts"
import { checkEnvelope } from "./envelope-check.ts"
import { FindingList } from "./finding-list.ts"
import { keyFindings } from "./key-check.ts"
import type { LedgerRow, LedgerSource } from "./ledger-source.ts"
import { checkpointUse, openSignedCheckpoint } from "./signed-checkpoint.ts"
import { type NumberedCheckpoint, TreeCheck, type TreeHead } from "./tree-check.ts"

/** Against what a ledger is verified. */
export interface LedgerTerms {
  /** Of a root that the caller has pinned. */
  readonly keyring: Keyring
  readonly origin: string
  /** The time that a config's expiry is judged at. */
  readonly atMs: number
}

/** What a ledger was verified to hold. */
export interface LedgerSummary {
  readonly events: number
  readonly lanes: readonly (ChainSummary & { readonly lane: string })[]
  readonly checkpoints: number
  /** How many events the largest checkpoint covers. */
  readonly covered: number
  readonly blobs: number
  readonly configs: number
}

/**
 * Verifies a whole ledger (L5): chains, signatures, seals, blobs, tree, checkpoints, configs. A ledger
 * that is being written to, or that recovered from a crash, has open or closed sessions and gaps, and
 * none of that is a finding.
 *
 * @throws {@link AmcError} what the source throws
 */
export async function verifyLedger(
  source: LedgerSource,
  terms: LedgerTerms,
): Promise<Verdict<LedgerSummary>> {
  return new LedgerCheck(source, terms).run()
}

class LedgerCheck {
  readonly #source: LedgerSource
  readonly #terms: LedgerTerms
  readonly #findings = new FindingList()
  readonly #configLog: ConfigLog
  readonly #blobs = new Set<string>()

  constructor(source: LedgerSource, terms: LedgerTerms) {
    this.#source = source
    this.#terms = terms
    const { keyring } = terms
    this.#configLog = new ConfigLog({ workspace: keyring.workspace, keyring })
  }

  async run(): Promise<Verdict<LedgerSummary>> {
    // Before the leaves: a ledger that grows meanwhile is then longer than its checkpoints, never shorter.
    const checkpoints = this.#openCheckpoints(await this.#source.checkpoints())
    const seen = [...checkpoints, ...pinnedCheckpoints(this.#terms)].sort((a, b) => a.size - b.size)
    const lanes: (ChainSummary & { readonly lane: string })[] = []
    const names = await this.#source.lanes()
    const tree = new TreeCheck(seen)
    for (const lane of names) lanes.push({ lane, ...(await this.#checkLane(lane, tree)) })
    this.#findings.addAll(
      names.length > 1 && checkpoints.length > 0 ? [unknownOrder] : tree.finish(),
    )
    // After them: a config is written before its change is recorded.
    const configs = await this.#source.configs()
    this.#checkConfigs(configs)
    return this.#findings.verdict({
      events: lanes.reduce((sum, { events }) => sum + events, 0),
      lanes,
      checkpoints: checkpoints.length,
      covered: Math.max(0, ...checkpoints.slice(-1).map(({ size }) => size)),
      blobs: this.#blobs.size,
      configs: configs.length,
    })
  }

  #openCheckpoints(notes: readonly string[]): readonly NumberedCheckpoint[] {
    const { keyring, origin } = this.#terms
    const keys = keyring.keys("ledger")
    const opened = notes.flatMap((note, at) => {
      const subject = `checkpoint ${at}`
      const terms = { code: "ledger/checkpoint", subject, tampered: false } as const
      const checkpoint = this.#findings.attempt(terms, () =>
        openSignedCheckpoint(note, origin, keys),
      )
      if (checkpoint === undefined) return []
      this.#findings.addAll(keyFindings(keyring, { ...checkpointUse(checkpoint), subject }))
      return [{ ...checkpoint, subject }]
    })
    for (const [at, { size, subject }] of opened.entries())
      if (size < (opened[at - 1]?.size ?? 0))
        this.#findings.add({
          code: "ledger/checkpoint-order",
          subject,
          detail: "it is smaller than the one before it",
          tampered: true,
        })
    return opened.sort((a, b) => a.size - b.size)
  }

  async #checkLane(lane: string, tree: TreeCheck): Promise<ChainSummary> {
    const chain = new ChainCheck({ lane, keyring: this.#terms.keyring }, this.#findings)
    let row = 0
    for await (const stored of this.#source.leaves(lane)) {
      const subject = `event ${row++} of lane ${lane}`
      const leafHash = hashLeaf(stored.leaf)
      const checked = chain.add(stored.leaf)
      this.#findings.addAll(tree.append(leafHash))
      if (checked === undefined) continue
      this.#checkColumns(stored, leafHash, checked.event, subject)
      const payload = await this.#checkBlob(checked.event, subject)
      this.#findings.addAll(this.#configLog.note(checked.event, payload, subject))
    }
    return chain.summary()
  }

  #checkColumns(stored: LedgerRow, leafHash: Uint8Array, event: Event, subject: string): void {
    const columns = ["lseq", "agent", "aseq", "session", "type", "ts", "id"] as const
    const wrong: string[] = columns.filter(
      (name) => stored[name] !== undefined && stored[name] !== event[name],
    )
    if (stored.leafHash !== undefined && !equalBytes(stored.leafHash, leafHash))
      wrong.push("leaf_hash")
    if (wrong.length === 0) return
    const detail = `the row's ${wrong.join(", ")} is not what its signed event says`
    this.#findings.add({ code: "ledger/column-contradicted", subject, detail, tampered: true })
  }

  /** Gives the bytes of a payload that is the auditor's word; those of others are only compared. */
  async #checkBlob(event: Event, subject: string): Promise<Uint8Array | null> {
    const sha256 = event.payload?.blob_sha256 ?? null
    const isSigned = event.type === "run_sealed" || event.type === "config_change"
    if (sha256 === null && event.type === "run_sealed")
      this.#findings.add({
        code: "ledger/run-seal",
        subject,
        detail: "the event does not hold the auditor's seal",
        tampered: false,
      })
    if (sha256 === null || (this.#blobs.has(sha256) && !isSigned)) return null
    this.#blobs.add(sha256)
    const bytes = await this.#readBlob(sha256)
    if (bytes === null)
      this.#findings.add({
        code: "ledger/blob-missing",
        subject,
        detail: `its payload ${sha256} is not there`,
        tampered: true,
      })
    else if (bytes === "damaged" || sha256Hex(bytes) !== sha256)
      this.#findings.add({
        code: "ledger/blob-contradicted",
        subject,
        detail: `what is stored as payload ${sha256} are other bytes`,
        tampered: true,
      })
    else {
      if (event.type === "run_sealed") this.#checkRunSeal(event, bytes, subject)
      return bytes
    }
    return null
  }

  async #readBlob(sha256: string): Promise<Uint8Array | null | "damaged"> {
    try {
      return await this.#source.blob(sha256)
    } catch (error) {
      if (isFault(error, "store/damaged")) return "damaged"
      throw error
    }
  }

  #checkRunSeal(event: Event & { type: "run_sealed" }, bytes: Uint8Array, subject: string): void {
    const terms = { code: "ledger/run-seal", subject } as const
    const keys = this.#terms.keyring.keys("auditor")
    const signed = checkEnvelope(
      bytes,
      { ...terms, payloadType: STATEMENT_PAYLOAD_TYPE, keys },
      this.#findings,
    )
    if (signed === undefined) return
    const place = { index: event.lseq, ts: event.ts }
    const use = { role: "auditor", signedBy: signed.signedBy, place, subject } as const
    this.#findings.addAll(keyFindings(this.#terms.keyring, use))
    const seal = this.#findings.attempt({ ...terms, tampered: false }, () =>
      parseRunSeal(signed.payload),
    )
    if (seal === undefined) return
    const { run_id, agent, report_sha256 } = event.facts.measured
    if (
      seal.run.run_id === run_id &&
      seal.run.agent === agent &&
      seal.reportSha256 === report_sha256
    )
      return
    this.#findings.add({
      ...terms,
      detail: "the auditor sealed another run or report than the event says",
      tampered: true,
    })
  }

  #checkConfigs(configs: readonly ConfigFile[]): void {
    const { keyring, atMs } = this.#terms
    const { history } = this.#configLog
    const terms = {
      workspace: keyring.workspace,
      auditors: keyring.keys("auditor"),
      liveAuditors: keyring.keysNow("auditor", atMs),
      history,
      atMs,
    }
    for (const config of configs) this.#findings.addAll(checkConfig(config, terms))
    const found = new Set(configs.map(({ path }) => path))
    for (const subject of history.keys())
      if (!found.has(subject))
        this.#findings.add({
          code: "config/missing",
          subject,
          detail: "the ledger names it, and it is not there",
          tampered: true,
        })
  }
}

/** What this verifier saw before must be there still, or it vouches for nothing. */
function pinnedCheckpoints({ keyring }: LedgerTerms): readonly TreeHead[] {
  return keyring.pins.map(({ size, root_sha256 }) => ({
    size,
    root: fromHex(root_sha256),
    subject: `pinned checkpoint of ${size} events`,
  }))
}

const unknownOrder: Finding = {
  code: "input/unsupported-version",
  subject: "tree",
  detail: "the ledger has several lanes, and this program knows the tree of one lane only",
  tampered: false,
}
