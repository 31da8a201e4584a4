import {
  type EquationCheck,
  equalBytes,
  type Event,
  hashLeaf,
  parseRunSeal,
  STATEMENT_PAYLOAD_TYPE,
  type Verdict,
} from "@amc/core"
import { attestationFindings } from "./attestation-check.ts"
import { ChainCheck, type ChainSummary } from "./chain-check.ts"
import { type CheckpointTerms, openCheckpoints, pinnedCheckpoints } from "./checkpoint-list.ts"
import { checkConfig, type ConfigFile, ConfigLog } from "./config-check.ts"
import { checkEnvelope } from "./envelope-check.ts"
import { FindingList } from "./finding-list.ts"
import { keyFindings } from "./key-check.ts"
import type { LedgerRow, LedgerSource } from "./ledger-source.ts"
import { PayloadCheck, type PayloadSummary } from "./payload-check.ts"
import { TileCheck, type TileSummary } from "./tile-check.ts"
import { hasThefts, ToldThefts } from "./told-thefts.ts"
import { TreeCheck } from "./tree-check.ts"
import { judgeLanes } from "./tree-lane.ts"
import { type LedgerWitnessing, witnessLedger } from "./ledger-witness.ts"
import { ageFindings, quorumFindings, type WitnessTerms } from "./witness-check.ts"

/** Against what a ledger is verified. */
export interface LedgerTerms extends CheckpointTerms {
  /** The time that a config's expiry is judged at. */
  readonly atMs: number
  readonly witnesses?: WitnessTerms | undefined
  /** Who decides the equation of an event's signature; absent for the platform. */
  readonly equation?: EquationCheck | undefined
  /**
   * Told each event that could be read, in the order of the rows, also of a ledger that is rejected in the end. No
   * index of the store stands between, which could hide one.
   */
  readonly onEvent?: (event: Event) => void
}

/** What a ledger was verified to hold. */
export interface LedgerSummary extends TileSummary, PayloadSummary {
  readonly events: number
  readonly lanes: readonly (ChainSummary & { readonly lane: string })[]
  readonly checkpoints: number
  /** How many events the largest checkpoint covers. */
  readonly covered: number
  /** What the verifier's own witnesses say; null without a policy: then time is self-asserted. */
  readonly witnessing: LedgerWitnessing | null
  readonly configs: number
}

/** What the events of the tree's lane are compared with. */
interface ComparedTree {
  readonly heads: TreeCheck
  readonly tiles: TileCheck | null
  /** How many events the largest checkpoint covers. */
  readonly covered: number
}

/**
 * Verifies a whole ledger (L5): chains, signatures, seals, blobs, tree, checkpoints, tiles, configs. A ledger
 * that is being written to, or that recovered from a crash, has open or closed sessions and gaps, and
 * none of that is a finding.
 *
 * @throws {@link AmcError} what the source throws
 */
export async function verifyLedger(
  source: LedgerSource,
  terms: LedgerTerms,
): Promise<Verdict<LedgerSummary>> {
  // Before the leaves: a ledger that grows meanwhile is then longer than its checkpoints, never shorter.
  return new LedgerCheck(source, await source.checkpoints(), terms).run()
}

class LedgerCheck {
  readonly #source: LedgerSource
  readonly #terms: LedgerTerms
  readonly #notes: readonly string[]
  readonly #witnessing: LedgerWitnessing | null
  readonly #findings = new FindingList()
  /** The time of the last event under the largest checkpoint, as the event says. */
  #coveredMs: number | null = null
  readonly #configLog: ConfigLog
  readonly #payloads: PayloadCheck

  constructor(source: LedgerSource, notes: readonly string[], terms: LedgerTerms) {
    this.#source = source
    this.#notes = notes
    const { keyring, witnessing } = witnessLedger(notes, terms, witnessTerms(terms), this.#findings)
    this.#terms = { ...terms, keyring }
    this.#witnessing = witnessing
    this.#configLog = new ConfigLog({ workspace: keyring.workspace, keyring })
    this.#payloads = new PayloadCheck(source, this.#terms, this.#findings)
  }

  async run(): Promise<Verdict<LedgerSummary>> {
    const tiles = await this.#openTiles()
    const checkpoints = openCheckpoints(this.#notes, this.#terms, this.#findings)
    const covered = Math.max(0, ...checkpoints.slice(-1).map(({ size }) => size))
    const seen = [...checkpoints, ...(tiles?.heads ?? []), ...pinnedCheckpoints(this.#terms)]
    const lanes: (ChainSummary & { readonly lane: string })[] = []
    const judged = judgeLanes(await this.#source.lanes(), this.#terms.keyring)
    this.#findings.addAll(judged.findings)
    const tree = { heads: new TreeCheck(seen.sort((a, b) => a.size - b.size)), tiles, covered }
    for (const lane of judged.names)
      lanes.push({ lane, ...(await this.#checkLane(lane, lane === judged.tree ? tree : null)) })
    const payloads = this.#payloads.finish()
    if (judged.tree !== undefined) this.#findings.addAll(tree.heads.finish())
    const published = judged.tree === undefined ? undefined : await tiles?.finish()
    // After them: a config is written before its change is recorded.
    const configs = await this.#source.configs()
    this.#checkConfigs(configs)
    this.#findings.addAll(this.#configLog.doubts())
    this.#checkTime()
    return this.#findings.verdict({
      events: lanes.reduce((sum, { events }) => sum + events, 0),
      lanes,
      checkpoints: checkpoints.length,
      covered,
      witnessing: this.#witnessing,
      ...payloads,
      configs: configs.length,
      published: published?.published ?? null,
      tiles: published?.tiles ?? 0,
    })
  }

  async #openTiles(): Promise<TileCheck | null> {
    const { tiles } = this.#source
    return tiles === undefined ? null : TileCheck.open(tiles, this.#terms, this.#findings)
  }

  async #checkLane(lane: string, tree: ComparedTree | null): Promise<ChainSummary> {
    const { keyring, equation } = this.#terms
    const toldThefts = await this.#toldThefts(lane)
    const chain = new ChainCheck({ lane, keyring, toldThefts, equation }, this.#findings)
    let row = 0
    for await (const stored of this.#source.leaves(lane)) {
      const subject = `event ${row++} of lane ${lane}`
      const leafHash = hashLeaf(stored.leaf)
      const checked = chain.add(stored)
      if (tree !== null) this.#findings.addAll(tree.heads.append(leafHash))
      await tree?.tiles?.append(stored.leaf)
      if (checked === undefined) continue
      this.#terms.onEvent?.(checked.event)
      if (tree !== null && checked.event.lseq === tree.covered - 1)
        this.#coveredMs = checked.event.ts
      this.#checkColumns(stored, leafHash, checked.event, subject)
      const payload = await this.#payloads.note(stored, checked.event, subject)
      this.#findings.addAll(this.#configLog.note(checked.event, payload, subject))
      this.#findings.addAll(attestationFindings(checked.event, payload, { keyring, subject }))
      if (checked.event.type === "run_sealed") this.#checkRunSeal(checked.event, payload, subject)
    }
    return chain.summary()
  }

  /** They are told after what they are about, so that they are looked for first, if there can be any. */
  async #toldThefts(lane: string): Promise<ReadonlySet<string>> {
    const thefts = new ToldThefts(this.#terms.keyring)
    if (hasThefts(this.#terms.keyring))
      for await (const { leaf } of this.#source.leaves(lane)) thefts.note(leaf)
    return thefts.kids
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

  #checkRunSeal(
    event: Event & { type: "run_sealed" },
    bytes: Uint8Array | null,
    subject: string,
  ): void {
    const terms = { code: "ledger/run-seal", subject } as const
    if ((event.payload?.blob_sha256 ?? null) === null) {
      const detail = "the event does not hold the auditor's seal"
      this.#findings.add({ ...terms, detail, tampered: false })
    }
    if (bytes === null) return
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

  #checkTime(): void {
    const [terms, subject] = [witnessTerms(this.#terms), "checkpoints"]
    this.#findings.addAll([
      ...quorumFindings(subject, terms, this.#witnessing),
      ...ageFindings(subject, terms, this.#witnessing, this.#coveredMs),
    ])
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

/** Without terms nobody is asked for anything. */
function witnessTerms({ witnesses, atMs }: LedgerTerms): WitnessTerms {
  return witnesses ?? { nowMs: atMs }
}
