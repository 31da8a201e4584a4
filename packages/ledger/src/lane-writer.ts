import {
  AmcError,
  type Checkpoint,
  isFault,
  type Observation,
  type Recorded,
  type Recorder,
} from "@amc/core"
import type { BlobStore } from "./blob-store.ts"
import type { AgentHead, EventStore, InlineBlob, LaneHead } from "./event-store.ts"
import { type PlacedEntry, signTogether } from "./commit-signing.ts"
import { ClockWatch } from "./gap.ts"
import { GroupQueue } from "./group-queue.ts"
import { HighWater, type QueueLimits } from "./high-water.ts"
import { LaneChain, type LaneTerms } from "./lane-chain.ts"
import { LaneTree } from "./lane-tree.ts"
import { missingEnds } from "./missing-ends.ts"
import { type KeptPayload, keepPayload } from "./payload-keeper.ts"
import { checkReceiptTerms } from "./receipt-mint.ts"
import type { OpenSession } from "./session-book.ts"

/** What a {@link LaneWriter} works with. */
export interface LaneWriterOptions extends LaneTerms {
  readonly store: EventStore
  readonly blobs: BlobStore
  readonly clock: () => number
  /** How long the machine has been up, in ms, asleep or not: by this a step of the clock is noticed. */
  readonly upClock?: () => number
  /** The ledger's name, as checkpoints and receipts give it. */
  readonly origin: string
  readonly limits?: QueueLimits
}

/** Where the chains of a lane end. */
export interface LaneHeads {
  readonly lane: LaneHead | null
  readonly agents: readonly AgentHead[]
}

interface Entry {
  readonly observation: Observation
  readonly kept: KeptPayload | Promise<KeptPayload>
  readonly resolve: (recorded: Recorded) => void
  readonly reject: (error: unknown) => void
}

interface QueuedEntry extends PlacedEntry {
  readonly inline: InlineBlob | null
  readonly entry: Entry | null
}

/**
 * The one writer of a lane: places, signs and commits observations in groups, so that one fsync
 * serves all who wait and a lone observation waits for nobody.
 */
export class LaneWriter implements Recorder {
  readonly #options: LaneWriterOptions
  readonly #tree = new LaneTree()
  readonly #highWater: HighWater
  readonly #queue: GroupQueue<Entry>
  #chain: LaneChain
  readonly #clockWatch = new ClockWatch()
  #isStale = false
  #closed: AmcError | null = null

  private constructor(options: LaneWriterOptions, chain: LaneChain) {
    this.#options = options
    this.#chain = chain
    this.#highWater = new HighWater(options.limits)
    this.#queue = new GroupQueue((group) => this.#commit(group))
  }

  /**
   * Opens a lane at the end that the store has. The caller holds the lane's lock.
   *
   * @throws {@link AmcError} `store/unavailable`, `store/damaged`
   */
  static async open(options: LaneWriterOptions): Promise<LaneWriter> {
    const writer = new LaneWriter(options, await LaneChain.load(options.store, options))
    await writer.#tree.catchUp(options.store, options.lane)
    return writer
  }

  record(observation: Observation): Promise<Recorded> {
    return new Promise((resolve, reject) => {
      if (this.#closed !== null) throw this.#closed
      checkReceiptTerms(observation)
      const leave = this.#highWater.enter(observation)
      this.#enqueue(observation, {
        resolve: (recorded) => {
          leave()
          resolve(recorded)
        },
        reject: (error) => {
          leave()
          reject(error)
        },
      })
    })
  }

  /** The tree over the events that are durable now, for the notary to sign. */
  checkpoint(): Checkpoint {
    return { origin: this.#options.origin, size: this.#tree.size, root: this.#tree.root() }
  }

  /** Where the stored chains end. @throws {@link AmcError} `store/unavailable` */
  async heads(): Promise<LaneHeads> {
    const { store, lane } = this.#options
    return { lane: await store.head(lane), agents: await store.agentHeads(lane) }
  }

  /** The sessions without a seal, with their calls without a response. */
  openSessions(): OpenSession[] {
    return this.#chain.sessions.openSessions()
  }

  /** The time of the lane's last event; 0 if there is none. */
  get lastTs(): number {
    return this.#chain.head?.ts ?? 0
  }

  /** Resolves when all that was handed in before is durable or refused. */
  flush(): Promise<void> {
    return this.#queue.flush()
  }

  /** Refuses everything from now on, and writes what is queued. */
  async close(): Promise<void> {
    this.#closed ??= new AmcError("ledger/closed", "the recorder is closed")
    await this.#queue.flush()
  }

  #enqueue(observation: Observation, { resolve, reject }: Pick<Entry, "resolve" | "reject">): void {
    const kept = keepPayload(observation, this.#options.blobs)
    // Its group deals with a refusal; until then that must not count as unhandled.
    if (kept instanceof Promise) kept.catch(() => undefined)
    this.#queue.push({ observation, kept, resolve, reject })
  }

  async #commit(group: readonly Entry[]): Promise<void> {
    try {
      if (this.#isStale) await this.#reload()
      await this.#write(await this.#placeAll(group))
    } catch (error) {
      if (!isFault(error)) throw this.#breakDown(group, error)
      this.#isStale = true
      for (const { reject } of group) reject(error)
    }
  }

  async #placeAll(group: readonly Entry[]): Promise<QueuedEntry[]> {
    // Most payloads are here already, and a promise for each would take longer than to place it.
    for (const { kept } of group) if (kept instanceof Promise) await kept.catch(() => undefined)
    const now = this.#options.clock()
    const placed = this.#placeGap(now)
    for (const entry of group) {
      try {
        const { sha256, inline } = entry.kept instanceof Promise ? await entry.kept : entry.kept
        if (entry.observation.type === "session_seal")
          placed.push(...this.#placeEnds(entry.observation, now))
        placed.push({ placed: this.#chain.place(entry.observation, sha256, now), inline, entry })
      } catch (error) {
        if (!isFault(error)) throw error
        entry.reject(error)
      }
    }
    return placed
  }

  /** What a session's own calls and connections could not say at their end, on a full disk, its seal must not leave open. */
  #placeEnds({ session }: Observation, now: number): QueuedEntry[] {
    const open = this.#chain.sessions.open(session)
    const ends = open === null ? [] : missingEnds(open)
    return ends.map((end) => this.#placeOwn(end, now))
  }

  #placeOwn(observation: Observation, now: number): QueuedEntry {
    return { placed: this.#chain.place(observation, null, now), inline: null, entry: null }
  }

  #placeGap(now: number): QueuedEntry[] {
    const up = this.#options.upClock?.() ?? null
    const gap = this.#clockWatch.gap(this.#chain, { now, up })
    if (gap === undefined) return []
    return [this.#placeOwn(gap, now)]
  }

  async #write(placed: readonly QueuedEntry[]): Promise<void> {
    if (placed.length === 0) return
    const { store, lane } = this.#options
    const { rows, recorded } = signTogether(placed, this.#options)
    const blobs = placed.flatMap(({ inline }) => inline ?? [])
    await store.append(lane, this.#tree.last, rows, blobs)
    this.#clockWatch.recorded()
    for (const { leafHash } of rows) this.#tree.append(leafHash)
    for (const [at, one] of recorded.entries()) if (one !== null) placed[at]?.entry?.resolve(one)
  }

  /** After a failed write only the store knows what is in it. */
  async #reload(): Promise<void> {
    const { store, lane } = this.#options
    await this.#tree.catchUp(store, lane)
    this.#chain = await LaneChain.load(store, this.#options)
    this.#isStale = false
  }

  #breakDown(group: readonly Entry[], bug: unknown): unknown {
    this.#closed = new AmcError("store/unavailable", "the recorder broke down", { cause: bug })
    for (const { reject } of [...group, ...this.#queue.takeAll()]) reject(this.#closed)
    return bug
  }
}
