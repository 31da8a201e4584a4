import { AmcError, fromHex } from "@amc/core"
import type {
  AgentHead,
  EventRow,
  EventStore,
  InlineBlob,
  LaneHead,
  SignedCheckpoint,
} from "@amc/ledger"
import type Database from "better-sqlite3"
import { EventQueries } from "./event-queries.ts"
import { onMedium } from "./store-fault.ts"

/** Keeps events in one SQLite database. Several processes may read; appends are compare-and-swap. */
export class SqliteEventStore implements EventStore {
  readonly #db: Database.Database
  readonly #queries: EventQueries

  constructor(db: Database.Database) {
    this.#db = db
    this.#queries = new EventQueries(db)
  }

  head(lane: string): Promise<LaneHead | null> {
    return onMedium(() => this.#queries.last(lane)?.head ?? null)
  }

  agentHeads(lane: string): Promise<readonly AgentHead[]> {
    return onMedium(() => this.#queries.agentHeads(lane))
  }

  lanes(): Promise<readonly string[]> {
    return onMedium(() => this.#queries.lanes())
  }

  append(
    lane: string,
    expectedHead: string | null,
    rows: readonly EventRow[],
    blobs: readonly InlineBlob[],
  ): Promise<void> {
    // IMMEDIATE takes the write lock before the head is read, so no writer can come in between.
    return onMedium(() =>
      this.#db
        .transaction(() => {
          this.#checkHead(lane, expectedHead, rows)
          for (const blob of blobs) this.#queries.insertBlob(blob)
          for (const row of rows) this.#queries.insert(lane, row)
        })
        .immediate(),
    )
  }

  read(lane: string, fromLseq: number, toLseq?: number): AsyncIterable<EventRow> {
    return this.#queries.read(lane, fromLseq, toLseq ?? Number.MAX_SAFE_INTEGER)
  }

  readAgent(lane: string, agent: string, fromAseq: number): AsyncIterable<EventRow> {
    return this.#queries.readAgent(lane, agent, fromAseq)
  }

  readSession(lane: string, session: string): AsyncIterable<EventRow> {
    return this.#queries.readSession(lane, session)
  }

  readType(lane: string, type: string): AsyncIterable<EventRow> {
    return this.#queries.readType(lane, type)
  }

  async *leafHashes(lane: string, fromLseq: number): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const { leafHash } of this.#queries.leafHashes(lane, fromLseq)) yield leafHash
  }

  async findEvent(eventHash: string): Promise<{ lane: string; row: EventRow } | null> {
    const place = await onMedium(() => this.#queries.find(fromHex(eventHash)))
    if (place === null) return null
    for await (const row of this.read(place.lane, place.lseq, place.lseq))
      return { lane: place.lane, row }
    return null
  }

  saveCheckpoint(size: number, note: string): Promise<void> {
    return onMedium(() => this.#queries.saveCheckpoint(size, note))
  }

  latestCheckpoint(): Promise<SignedCheckpoint | null> {
    return onMedium(() => this.#queries.latestCheckpoint())
  }

  checkpoints(): Promise<readonly SignedCheckpoint[]> {
    return onMedium(() => this.#queries.checkpoints())
  }

  async close(): Promise<void> {
    this.#db.close()
  }

  #checkHead(lane: string, expectedHead: string | null, rows: readonly EventRow[]): void {
    const last = this.#queries.last(lane)
    const next = (last?.head.lseq ?? -1) + 1
    if ((last?.head.event_hash ?? null) !== expectedHead)
      throw new AmcError("store/conflict", `lane ${lane} has another head than expected`)
    const gap = rows.find(({ lseq }, at) => lseq !== next + at)
    if (gap !== undefined)
      throw new AmcError("store/conflict", `event ${gap.lseq} does not follow in lane ${lane}`)
    let lastId = last?.id ?? ""
    for (const { id, lseq } of rows) {
      if (id <= lastId)
        throw new AmcError("store/conflict", `the id of event ${lseq} does not follow`)
      lastId = id
    }
  }
}
