import { AmcError, fromHex, toHex } from "@amc/core"
import type { AgentHead, EventRow, InlineBlob, LaneHead, SignedCheckpoint } from "@amc/ledger"
import type Database from "better-sqlite3"
import { type RowShape, shaped, shapedValue } from "./row-shape.ts"
import { commonTypes, isUncommon } from "./schema.ts"
import { onMedium } from "./store-fault.ts"

interface HashRow {
  readonly lseq: number
  readonly leafHash: Uint8Array
}
interface LastRow extends HashRow {
  readonly ts: number
  readonly id: string
}
type Position = "lseq" | "aseq"

const hashShape: RowShape = { lseq: "number", leafHash: "bytes" }
const rowShape: RowShape = {
  ...hashShape,
  leaf: "bytes",
  signature: "text",
  agent: "text",
  aseq: "number",
  session: "text or null",
  type: "text",
  ts: "number",
  id: "text",
}
const lastShape: RowShape = { ...hashShape, ts: "number", id: "text" }
const agentShape: RowShape = { agent: "text", aseq: "number", leafHash: "bytes" }
const placeShape: RowShape = { lane: "text", lseq: "number" }
const checkpointShape: RowShape = { size: "number", note: "text" }

const columns = "lseq, leaf_hash AS leafHash, leaf, signature, agent, aseq, session, type, ts, id"
const pageSize = 256
const hashPageSize = 4096

/** The statements on a ledger's database. Their errors are the driver's own, unless they iterate. */
export class EventQueries {
  readonly #db: Database.Database
  // Made when they are first needed: who only reads a database that lacks a part still reads the rest.
  #last: Database.Statement<[string], LastRow> | undefined
  #insert: Database.Statement<unknown[]> | undefined
  #insertBlob: Database.Statement<[Uint8Array, Uint8Array]> | undefined

  constructor(db: Database.Database) {
    this.#db = db
  }

  /** The end of a lane, and the id of its last event. */
  last(lane: string): { readonly head: LaneHead; readonly id: string } | null {
    // Of a bare parameter SQLite wants to know the value, and plans anew for each time that one is bound.
    this.#last ??= this.#db.prepare(
      `SELECT lseq, leaf_hash AS leafHash, ts, id FROM evidence_events
       WHERE lane = CAST(? AS TEXT) ORDER BY lseq DESC LIMIT 1`,
    )
    const row = this.#last.get(lane)
    if (row === undefined) return null
    const { lseq, leafHash, ts, id } = shaped(row, lastShape)
    return { head: { lseq, event_hash: toHex(leafHash), ts }, id }
  }

  /** Jumps from agent to agent in the index, whatever the number of their events: CROSS keeps that order. */
  agentHeads(lane: string): AgentHead[] {
    return this.#db
      .prepare<{ lane: string }, { agent: string; aseq: number; leafHash: Uint8Array }>(
        `WITH RECURSIVE names (agent) AS (
           SELECT min(agent) FROM evidence_events WHERE lane = :lane
           UNION ALL
           SELECT (SELECT min(agent) FROM evidence_events WHERE lane = :lane AND agent > names.agent)
           FROM names WHERE names.agent IS NOT NULL
         )
         SELECT e.agent, e.aseq, e.leaf_hash AS leafHash FROM names CROSS JOIN evidence_events e
         ON e.lane = :lane AND e.agent = names.agent AND e.aseq =
           (SELECT max(aseq) FROM evidence_events WHERE lane = :lane AND agent = names.agent)
         ORDER BY e.agent`,
      )
      .all({ lane })
      .map((row) => shaped(row, agentShape))
      .map(({ agent, aseq, leafHash }) => ({ agent, aseq, event_hash: toHex(leafHash) }))
  }

  lanes(): string[] {
    return this.#db
      .prepare<[], string>(
        `WITH RECURSIVE names (lane) AS (
           SELECT min(lane) FROM evidence_events
           UNION ALL
           SELECT (SELECT min(lane) FROM evidence_events WHERE lane > names.lane)
           FROM names WHERE names.lane IS NOT NULL
         )
         SELECT lane FROM names WHERE lane IS NOT NULL`,
      )
      .pluck()
      .all()
      .map((lane) => shapedValue(lane, "text", "a lane"))
  }

  insert(lane: string, row: EventRow): void {
    const { lseq, leafHash, agent, aseq, session, type, ts, id, leaf, signature } = row
    this.#insert ??= this.#db.prepare(
      `INSERT INTO evidence_events (lane, lseq, leaf_hash, agent, aseq, session, type, ts, id, leaf, signature)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    this.#insert.run(lane, lseq, leafHash, agent, aseq, session, type, ts, id, leaf, signature)
  }

  insertBlob({ sha256, bytes }: InlineBlob): void {
    this.#insertBlob ??= this.#db.prepare(
      "INSERT INTO blobs (sha256, bytes) VALUES (?, ?) ON CONFLICT (sha256) DO NOTHING",
    )
    this.#insertBlob.run(fromHex(sha256), bytes)
  }

  read(lane: string, from: number, to: number): AsyncGenerator<EventRow, void, undefined> {
    return this.#pages("lane = ? AND lseq <= ?", [lane, to], "lseq", from)
  }

  readAgent(lane: string, agent: string, from: number): AsyncGenerator<EventRow, void, undefined> {
    return this.#pages("lane = ? AND agent = ?", [lane, agent], "aseq", from)
  }

  readSession(lane: string, session: string): AsyncGenerator<EventRow, void, undefined> {
    return this.#pages("lane = ? AND session = ?", [lane, session], "lseq", 0)
  }

  readType(lane: string, type: string): AsyncGenerator<EventRow, void, undefined> {
    const where = commonTypes.has(type) ? "" : ` AND ${isUncommon}`
    return this.#pages(`lane = ? AND type = ?${where}`, [lane, type], "lseq", 0)
  }

  leafHashes(lane: string, from: number): AsyncGenerator<HashRow, void, undefined> {
    const prepare = (): Database.Statement<unknown[], HashRow> =>
      this.#db.prepare(
        `SELECT lseq, leaf_hash AS leafHash FROM evidence_events INDEXED BY evidence_hashes
       WHERE lane = ? AND lseq >= ? ORDER BY lseq LIMIT ${hashPageSize}`,
      )
    return paged(prepare, [lane], { position: "lseq", from, size: hashPageSize, shape: hashShape })
  }

  find(leafHash: Uint8Array): { lane: string; lseq: number } | null {
    const found = this.#db
      .prepare<[Uint8Array], { lane: string; lseq: number }>(
        "SELECT lane, lseq FROM evidence_events INDEXED BY evidence_hashes WHERE leaf_hash = ?",
      )
      .get(leafHash)
    return found === undefined ? null : shaped(found, placeShape)
  }

  saveCheckpoint(size: number, note: string): void {
    this.#db
      .prepare("INSERT INTO checkpoints (size, note) VALUES (?, ?) ON CONFLICT DO NOTHING")
      .run(size, note)
  }

  latestCheckpoint(): SignedCheckpoint | null {
    const query = "SELECT size, note FROM checkpoints ORDER BY size DESC, id DESC LIMIT 1"
    const latest = this.#db.prepare<[], SignedCheckpoint>(query).get()
    return latest === undefined ? null : shaped(latest, checkpointShape)
  }

  checkpoints(): SignedCheckpoint[] {
    return this.#db
      .prepare<[], SignedCheckpoint>("SELECT size, note FROM checkpoints ORDER BY size, id")
      .all()
      .map((row) => shaped(row, checkpointShape))
  }

  #pages(
    where: string,
    terms: readonly unknown[],
    position: Position,
    from: number,
  ): AsyncGenerator<EventRow, void, undefined> {
    const prepare = (): Database.Statement<unknown[], EventRow> =>
      this.#db.prepare(
        `SELECT ${columns} FROM evidence_events
       WHERE ${where} AND ${position} >= ? ORDER BY ${position} LIMIT ${pageSize}`,
      )
    return paged(prepare, terms, { position, from, size: pageSize, shape: rowShape })
  }
}

interface Paging<P extends Position> {
  readonly position: P
  readonly from: number
  readonly size: number
  readonly shape: RowShape
}

function outOfOrder(): AmcError {
  return new AmcError("store/damaged", "the database gives its rows out of order")
}

/** Page by page, since an open cursor would keep the connection from writing. */
async function* paged<T extends { readonly [K in P]: number }, P extends Position>(
  prepare: () => Database.Statement<unknown[], T>,
  terms: readonly unknown[],
  { position, from, size, shape }: Paging<P>,
): AsyncGenerator<T, void, undefined> {
  const statement = await onMedium(prepare)
  let next = from
  while (true) {
    const page = await onMedium(() => statement.all(...terms, next))
    let at = next
    for (const row of page) {
      // A false index could otherwise lead in circles.
      if (shaped(row, shape)[position] < at) throw outOfOrder()
      at = row[position]
      yield row
    }
    if (page.length < size) return
    next = at + 1
  }
}
