import { AmcError, toHex } from "@amc/core"
import type {
  AgentHead,
  EventRow,
  EventStore,
  InlineBlob,
  LaneHead,
  SignedCheckpoint,
} from "@amc/ledger"
import type { MemoryBlobStore } from "./memory-blob-store.ts"

interface Shared {
  readonly lanes: Map<string, EventRow[]>
  readonly checkpoints: SignedCheckpoint[]
}

/** The simplest store that keeps the contract, and nothing beyond the process. */
export class MemoryEventStore implements EventStore {
  readonly #shared: Shared
  readonly #blobs: MemoryBlobStore | undefined
  #isClosed = false

  constructor(blobs?: MemoryBlobStore, shared: Shared = { lanes: new Map(), checkpoints: [] }) {
    this.#blobs = blobs
    this.#shared = shared
  }

  /** The same store, as another process would open it. */
  reopened(): MemoryEventStore {
    return new MemoryEventStore(this.#blobs, this.#shared)
  }

  get #lanes(): Map<string, EventRow[]> {
    if (this.#isClosed) throw new AmcError("store/unavailable", "the store is closed")
    return this.#shared.lanes
  }

  get #checkpoints(): SignedCheckpoint[] {
    if (this.#isClosed) throw new AmcError("store/unavailable", "the store is closed")
    return this.#shared.checkpoints
  }

  async head(lane: string): Promise<LaneHead | null> {
    const last = this.#rows(lane).at(-1)
    return last === undefined
      ? null
      : { lseq: last.lseq, event_hash: toHex(last.leafHash), ts: last.ts }
  }

  async agentHeads(lane: string): Promise<readonly AgentHead[]> {
    const last = new Map(this.#rows(lane).map((row) => [row.agent, row]))
    return [...last.values()]
      .map(({ agent, aseq, leafHash }) => ({ agent, aseq, event_hash: toHex(leafHash) }))
      .sort((a, b) => (a.agent < b.agent ? -1 : 1))
  }

  async lanes(): Promise<readonly string[]> {
    return [...this.#lanes.keys()].sort()
  }

  async append(
    lane: string,
    expectedHead: string | null,
    rows: readonly EventRow[],
    blobs: readonly InlineBlob[],
  ): Promise<void> {
    const [last] = this.#rows(lane).slice(-1)
    const head = last === undefined ? null : { event_hash: toHex(last.leafHash) }
    if ((head?.event_hash ?? null) !== expectedHead) throw conflict("another head than expected")
    const stored = [...this.#rows(lane)]
    for (const row of rows) {
      if (row.lseq !== stored.length) throw conflict("an event does not follow")
      if (row.id <= (stored.at(-1)?.id ?? "")) throw conflict("an id does not follow")
      if (stored.some((other) => takesPlaceOf(other, row))) throw conflict("a place is taken")
      stored.push(copyOf(row))
    }
    this.#lanes.set(lane, stored)
    for (const { sha256, bytes } of blobs) this.#blobs?.keep(sha256, bytes)
  }

  async *read(lane: string, fromLseq: number, toLseq?: number): AsyncGenerator<EventRow> {
    yield* this.#rows(lane)
      .slice(fromLseq, (toLseq ?? Number.MAX_SAFE_INTEGER - 1) + 1)
      .map(copyOf)
  }

  async *readAgent(lane: string, agent: string, fromAseq: number): AsyncGenerator<EventRow> {
    yield* this.#rows(lane)
      .filter((row) => row.agent === agent && row.aseq >= fromAseq)
      .map(copyOf)
  }

  async *readSession(lane: string, session: string): AsyncGenerator<EventRow> {
    yield* this.#rows(lane).filter((row) => row.session === session)
  }

  async *readType(lane: string, type: string): AsyncGenerator<EventRow> {
    yield* this.#rows(lane).filter((row) => row.type === type)
  }

  async *leafHashes(lane: string, fromLseq: number): AsyncGenerator<Uint8Array> {
    for (const { leafHash } of this.#rows(lane).slice(fromLseq)) yield leafHash
  }

  async findEvent(eventHash: string): Promise<{ lane: string; row: EventRow } | null> {
    for (const [lane, rows] of this.#lanes) {
      const row = rows.find(({ leafHash }) => toHex(leafHash) === eventHash)
      if (row !== undefined) return { lane, row }
    }
    return null
  }

  async saveCheckpoint(size: number, note: string): Promise<void> {
    if (this.#checkpoints.some((one) => one.size === size && one.note === note)) return
    this.#checkpoints.push({ size, note })
    this.#checkpoints.sort((a, b) => a.size - b.size)
  }

  async latestCheckpoint(): Promise<SignedCheckpoint | null> {
    return this.#checkpoints.at(-1) ?? null
  }

  async checkpoints(): Promise<readonly SignedCheckpoint[]> {
    return [...this.#checkpoints]
  }

  async close(): Promise<void> {
    this.#isClosed = true
  }

  #rows(lane: string): readonly EventRow[] {
    return this.#lanes.get(lane) ?? []
  }
}

function copyOf(row: EventRow): EventRow {
  return { ...row, leaf: Uint8Array.from(row.leaf), leafHash: Uint8Array.from(row.leafHash) }
}

function takesPlaceOf(a: EventRow, b: EventRow): boolean {
  return a.agent === b.agent && a.aseq === b.aseq
}

function conflict(message: string): AmcError {
  return new AmcError("store/conflict", message)
}
