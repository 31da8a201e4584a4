import {
  AmcError,
  type AskedConnection,
  type ConnectionHello,
  foreignTextMax,
  type MovedConnection,
  type OpenedConnection,
  type Recorder,
} from "@amc/core"
import { EvidenceGroups, type Origin } from "./evidence-groups.ts"

export type ConnectionEnd = Exclude<MovedConnection["completeness"], "open">

/** What a connection has moved, and what its client said inside. */
export interface Moved {
  readonly sent: number
  readonly received: number
  readonly status: number
  readonly hello: ConnectionHello
}

export const noHello: ConnectionHello = { server_name: "", encrypted_hello: false }

export const nothingMoved: Moved = { sent: 0, received: 0, status: 0, hello: noHello }

/** What is recorded of a connection before it is dialled. */
export interface Opening {
  readonly opened: OpenedConnection
  readonly asked: AskedConnection
}

interface Count {
  readonly moved: MovedConnection
  readonly hello: ConnectionHello
}

/** A lone connection waits for nobody. */
const openingTimes = { pauseMs: 0, gapMs: 5 }
/** Nothing waits for the evidence of an end, so it comes with the next opening's, if there is one so soon. */
const countTimes = { pauseMs: 20, gapMs: 0 }

/** The evidence of a proxy's connections: those of one session that open or end together share events. */
export class ConnectionEvidence {
  readonly #clock: () => number
  readonly #openings: EvidenceGroups<Opening>
  readonly #counts: EvidenceGroups<Count>

  constructor(recorder: Recorder, clock: () => number) {
    this.#clock = clock
    this.#openings = new EvidenceGroups((origin, group) => {
      this.#counts.hurry()
      const measured = { connections: group.map(({ opened }) => opened) }
      const reported = { requests: group.map(({ asked }) => asked) }
      return recorder.record({ ...origin, type: "network_connect", facts: { measured, reported } })
    }, openingTimes)
    this.#counts = new EvidenceGroups((origin, group) => {
      const measured = { connections: group.map(({ moved }) => moved) }
      const reported = { hellos: group.map(({ hello }) => hello) }
      return recorder.record({ ...origin, type: "network_traffic", facts: { measured, reported } })
    }, countTimes)
  }

  /**
   * Resolves when the opening is durable.
   *
   * @throws {@link AmcError} `gateway/cannot-record`: then nothing may be dialled
   */
  async open(origin: Origin, opening: Opening): Promise<ConnectionRecord> {
    try {
      const { event_hash: hash } = await this.#openings.record(origin, opening)
      const terms = { origin, opened: opening.opened, hash }
      return new ConnectionRecord(terms, this.#counts, this.#clock)
    } catch (cause) {
      throw new AmcError("gateway/cannot-record", "the evidence can't be written", { cause })
    }
  }
}

interface RecordTerms {
  readonly origin: Origin
  readonly opened: OpenedConnection
  /** Of the event that tells of the opening. */
  readonly hash: string
}

/** The evidence of one connection: opened before anything is dialled, counted, closed once. */
export class ConnectionRecord {
  readonly #terms: RecordTerms
  readonly #counts: EvidenceGroups<Count>
  readonly #clock: () => number
  readonly #openedMs: number
  #isClosed = false

  constructor(terms: RecordTerms, counts: EvidenceGroups<Count>, clock: () => number) {
    this.#terms = terms
    this.#counts = counts
    this.#clock = clock
    this.#openedMs = clock()
  }

  /** The host as it is recorded. */
  get host(): string {
    return this.#terms.opened.host.slice(0, foreignTextMax)
  }

  /** Records a count. False if it can't be written: the connection must then end. */
  async count(moved: Moved): Promise<boolean> {
    try {
      await this.#write("open", moved)
      return true
    } catch {
      return false
    }
  }

  /** Records the end. What can't be written is left open, and recovery closes it. */
  async close(end: ConnectionEnd, moved: Moved): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#write(end, moved).catch(() => undefined)
  }

  #write(
    completeness: "open" | ConnectionEnd,
    { sent, received, status, hello }: Moved,
  ): Promise<unknown> {
    const { origin, opened, hash } = this.#terms
    const moved = {
      connection_id: opened.connection_id,
      connect_event_hash: hash,
      completeness,
      bytes_sent: sent,
      bytes_received: received,
      // A wall clock may step back.
      duration_ms: Math.max(0, Math.round(this.#clock() - this.#openedMs)),
      status,
    }
    return this.#counts.record(origin, { moved, hello })
  }
}
