import {
  AmcError,
  equalBytes,
  type Event,
  genesisHash,
  hashLeaf,
  makeLeaf,
  type Observation,
  parseEvent,
  type Signer,
  toHex,
} from "@amc/core"
import type { EventRow, EventStore, LaneHead } from "./event-store.ts"
import { type OpenSession, SessionBook } from "./session-book.ts"

/** Makes the id of an event, a UUIDv7 of these milliseconds or later, greater than that of the event before it. */
export type IdSource = (ms: number, after: string | null) => string

/** What a lane's events have in common. */
export interface LaneTerms {
  readonly lane: string
  readonly signer: Signer
  /** The digest of root 1, from which the first links come. */
  readonly rootSha256: string
  readonly ids: IdSource
}

/** The last event of a lane, as far as the next one needs it. */
interface LaneEnd {
  readonly head: LaneHead
  readonly id: string
}

/** An event with its place in the lane, not yet signed and stored. */
export interface PlacedEvent {
  readonly row: Omit<EventRow, "signature">
  readonly eventHash: string
}

/**
 * Gives observations their place: numbers, links, time, id. Its state runs ahead of the
 * store while a group is being written; if that fails, load a new one.
 */
export class LaneChain {
  readonly #terms: LaneTerms
  readonly #agents: Map<string, { aseq: number; hash: string }>
  readonly sessions: SessionBook
  #head: LaneHead | null
  #lastId: string | null

  private constructor(terms: LaneTerms, end: LaneEnd | null, sessions: SessionBook) {
    this.#terms = terms
    this.#head = end?.head ?? null
    this.#lastId = end?.id ?? null
    this.#agents = new Map()
    this.sessions = sessions
  }

  /**
   * Takes up a lane where the store says that it ends.
   *
   * @throws {@link AmcError} `store/unavailable`, `store/damaged` if the last event is not what its hash says.
   */
  static async load(store: EventStore, terms: LaneTerms): Promise<LaneChain> {
    const { lane } = terms
    const head = await store.head(lane)
    const end = head === null ? null : { head, id: await idOfHead(store, lane, head) }
    const chain = new LaneChain(terms, end, await loadSessions(store, lane))
    for (const { agent, aseq, event_hash: hash } of await store.agentHeads(lane))
      chain.#agents.set(agent, { aseq, hash })
    return chain
  }

  get head(): LaneHead | null {
    return this.#head
  }

  /**
   * The next event of the lane. Nothing changes if the observation is refused.
   *
   * @throws {@link AmcError} `input/malformed`, `input/too-large`, `ledger/closed`
   */
  place(observation: Observation, blobSha256: string | null, now: number): PlacedEvent {
    this.sessions.check(observation)
    const event = this.#eventOf(observation, blobSha256, Math.max(now, this.#head?.ts ?? 0))
    const { leaf, leafHash } = makeLeaf(event)
    const eventHash = toHex(leafHash)
    const { lseq, agent, aseq, session, type, ts, id } = event
    this.#agents.set(agent, { aseq, hash: eventHash })
    this.#head = { lseq, event_hash: eventHash, ts }
    this.#lastId = id
    this.sessions.note(event, eventHash)
    return { row: { lseq, leafHash, leaf, agent, aseq, session, type, ts, id }, eventHash }
  }

  #eventOf(observation: Observation, blobSha256: string | null, ts: number): Event {
    const { lane, rootSha256, signer, ids } = this.#terms
    const { type, channel, agent, session, payload } = observation
    const last = this.#agents.get(agent)
    // Members in canonical order are encoded twice as fast.
    const event = {
      agent,
      aprev: last?.hash ?? genesisHash(lane, agent, rootSha256),
      aseq: (last?.aseq ?? -1) + 1,
      channel,
      facts: type === "session_seal" ? this.sessions.sealFacts(observation) : observation.facts,
      id: ids(ts, this.#lastId),
      kid: signer.key.kid,
      lane,
      lprev: this.#head?.event_hash ?? genesisHash(lane, "", rootSha256),
      lseq: (this.#head?.lseq ?? -1) + 1,
      payload: payload === undefined ? null : delivered(payload, blobSha256),
      session,
      ts,
      type,
      v: 1,
    }
    return event as Event
  }
}

function delivered(
  { sha256, size, media }: NonNullable<Observation["payload"]>,
  blobSha256: string | null,
): Event["payload"] {
  return { blob_sha256: blobSha256, media, sha256, size }
}

async function idOfHead(store: EventStore, lane: string, head: LaneHead): Promise<string> {
  for await (const row of store.read(lane, head.lseq, head.lseq)) {
    const event = eventOf(row)
    const isHead = toHex(row.leafHash) === head.event_hash && event.ts === head.ts
    if (isHead && event.lane === lane && event.lseq === head.lseq) return event.id
  }
  throw damaged(`event ${head.lseq} of lane ${lane} is not what the store says of it`)
}

/**
 * What a lane has open, by what is stored: while its writer lives that is work under way, after it what a crash left.
 *
 * @throws {@link AmcError} `store/unavailable`, `store/damaged`, `input/malformed`
 */
export async function readOpenSessions(
  store: EventStore,
  lane: string,
): Promise<readonly OpenSession[]> {
  return (await loadSessions(store, lane)).openSessions()
}

async function loadSessions(store: EventStore, lane: string): Promise<SessionBook> {
  const sealed = await sessionsWith(store, lane, "session_seal")
  const book = new SessionBook(sealed)
  for (const session of await sessionsWith(store, lane, "session_open"))
    if (!sealed.has(session))
      for await (const row of store.readSession(lane, session))
        book.note(eventOf(row), toHex(row.leafHash))
  return book
}

async function sessionsWith(store: EventStore, lane: string, type: string): Promise<Set<string>> {
  const sessions = new Set<string>()
  for await (const { session } of store.readType(lane, type))
    if (session !== null) sessions.add(session)
  return sessions
}

function eventOf({ lseq, leaf, leafHash }: EventRow): Event {
  if (!equalBytes(hashLeaf(leaf), leafHash)) throw damaged(`event ${lseq} has another hash`)
  return parseEvent(leaf)
}

function damaged(message: string): AmcError {
  return new AmcError("store/damaged", message)
}
