import {
  type Event,
  type EventBody,
  type Finding,
  type Keyring,
  isSignedBy,
  parseConfig,
  retentionConfigPath,
  type RetentionConfig,
  retentionMs,
  sha256Hex,
  type SignedLeaf,
} from "@amc/core"
import { attempt } from "./attempt.ts"
import { ConfigLog } from "./config-check.ts"
import { StoredPayloads } from "./stored-payloads.ts"

/** Against what prunes are judged. */
export interface PruneTerms {
  readonly keyring: Keyring
  /** The verifier's time: a prune of later than that lets nothing go. */
  readonly atMs: number
  /** Whether all events of a lane are noted; of a slice, what a prune names beyond it is not looked at. */
  readonly isWhole: boolean
}

interface Lane {
  readonly configs: ConfigLog
  readonly stored: StoredPayloads
  readonly pruned: Set<number>
}

/** So much later than its verifier's clock may a prune be: events are recorded while a ledger is verified. */
export const pruneSlackMs: number = 60 * 60 * 1000

/**
 * Follows the `payload_prune` events of a ledger: which stored payloads may be gone. One counts if a monitor's
 * key signed it that counts there, and the policy that it holds was the auditor's in force and lets every
 * payload go that it names. What else is missing was taken away.
 */
export class PruneLog {
  readonly #terms: PruneTerms
  readonly #lanes = new Map<string, Lane>()

  constructor(terms: PruneTerms) {
    this.#terms = terms
  }

  /** How many events' payloads were let go. */
  get count(): number {
    return [...this.#lanes.values()].reduce((sum, { pruned }) => sum + pruned.size, 0)
  }

  /** Whether an event's payload was let go. */
  isPruned(lane: string, lseq: number): boolean {
    return this.#lanes.get(lane)?.pruned.has(lseq) ?? false
  }

  /**
   * Takes the next event of its lane into account, with its leaf, unless the caller has checked that its key signed
   * it, and with the bytes of its payload if it is a `config_change` or a prune. Says what is wrong with a prune.
   */
  note(
    leaf: SignedLeaf | "checked",
    event: Event,
    payload: Uint8Array | null,
    subject: string,
  ): readonly Finding[] {
    const lane = this.#laneOf(event.lane)
    if (event.type === "config_change") lane.configs.note(event, payload, subject)
    if (event.type !== "payload_prune") {
      const isStored = (event.payload?.blob_sha256 ?? null) !== null
      if (isStored) lane.stored.note(event.lseq, event)
      return []
    }
    const flaw = this.#signatureFlaw(leaf, event) ?? this.#policyFlaw(lane, event, payload)
    if (flaw !== undefined)
      return [{ code: "ledger/prune-refused", subject, detail: flaw, tampered: true }]
    for (const lseq of event.facts.measured.events)
      if (lane.stored.find(lseq) !== undefined) lane.pruned.add(lseq)
    return []
  }

  #laneOf(name: string): Lane {
    const known = this.#lanes.get(name)
    if (known !== undefined) return known
    const { keyring } = this.#terms
    const configs = new ConfigLog({ workspace: keyring.workspace, keyring })
    const lane: Lane = { configs, stored: new StoredPayloads(), pruned: new Set() }
    this.#lanes.set(name, lane)
    return lane
  }

  #signatureFlaw(leaf: SignedLeaf | "checked", { kid, lane, lseq, ts }: Event): string | undefined {
    const { keyring, atMs } = this.#terms
    const key = keyring.monitorKey(kid, { lane, index: lseq, ts })
    if (key === undefined || (leaf !== "checked" && !isSignedBy(leaf, key)))
      return "no monitor's key that counts there signed the prune"
    return ts > atMs + pruneSlackMs ? "the prune is of a time that has not come yet" : undefined
  }

  #policyFlaw(
    lane: Lane,
    event: EventBody<"payload_prune">,
    payload: Uint8Array | null,
  ): string | undefined {
    const { policy_sha256, policy_version } = event.facts.measured
    if (payload === null || sha256Hex(payload) !== policy_sha256)
      return "the prune does not hold the policy that it names"
    const inForce = lane.configs.inForce(retentionConfigPath)
    if (inForce?.sha256 !== policy_sha256 || inForce.version !== policy_version)
      return "the policy of the prune is not the one that the auditor had put in force"
    if (inForce.isDoubted) return "the policy of the prune was signed by a key that does not count"
    if (inForce.expiresMs !== null && inForce.expiresMs < event.ts)
      return "the policy of the prune had expired"
    const policy = attempt(() => parseConfig(payload, retentionConfigPath) as RetentionConfig)
    return policy === undefined
      ? "the policy of the prune can't be read"
      : this.#namedFlaw(lane, event, policy)
  }

  #namedFlaw(
    lane: Lane,
    { lseq: end, ts, facts }: EventBody<"payload_prune">,
    policy: RetentionConfig,
  ): string | undefined {
    let before = -1
    for (const lseq of facts.measured.events) {
      if (lseq <= before || lseq >= end) return "the prune names events out of order"
      before = lseq
      const stored = lane.stored.find(lseq)
      if (stored === undefined && !this.#terms.isWhole) continue
      const keptMs = stored === undefined ? null : retentionMs(policy, stored.type)
      if (keptMs === null) return `the policy lets no payload of event ${lseq} go`
      if (ts - (stored?.ts ?? ts) < keptMs)
        return `event ${lseq} was younger than the policy asks for`
    }
    return undefined
  }
}
