import {
  AmcError,
  type Facts,
  foreignTextMax,
  type MeasuredFacts,
  type Observation,
  type Recorder,
  type ReportedFacts,
} from "@amc/core"

export type ConnectionEnd = Exclude<MeasuredFacts<"network_traffic">["completeness"], "open">

/** What a connection has moved, and what its client said inside. */
export interface Moved {
  readonly sent: number
  readonly received: number
  readonly status: number
  readonly hello: ReportedFacts<"network_traffic">
}

export const noHello: ReportedFacts<"network_traffic"> = { server_name: "", encrypted_hello: false }

export const nothingMoved: Moved = { sent: 0, received: 0, status: 0, hello: noHello }

export interface RecordTerms {
  readonly recorder: Recorder
  readonly clock: () => number
  readonly origin: Pick<Observation, "channel" | "agent" | "session">
  readonly facts: Facts<"network_connect">
}

/** The evidence of one connection: opened before anything is dialled, counted, closed once. */
export class ConnectionRecord {
  readonly #terms: RecordTerms
  readonly #openedMs: number
  readonly #hash: string
  #last: Promise<unknown> = Promise.resolve()
  #isClosed = false

  private constructor(terms: RecordTerms, hash: string) {
    this.#terms = terms
    this.#openedMs = terms.clock()
    this.#hash = hash
  }

  /**
   * Resolves when the opening is durable.
   *
   * @throws {@link AmcError} `gateway/cannot-record`: then nothing may be dialled
   */
  static async open(terms: RecordTerms): Promise<ConnectionRecord> {
    const { recorder, origin, facts } = terms
    try {
      const { event_hash } = await recorder.record({ ...origin, type: "network_connect", facts })
      return new ConnectionRecord(terms, event_hash)
    } catch (cause) {
      throw new AmcError("gateway/cannot-record", "the evidence can't be written", { cause })
    }
  }

  /** The host as it is recorded. */
  get host(): string {
    return this.#terms.facts.measured.host.slice(0, foreignTextMax)
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
    const { recorder, clock, origin, facts } = this.#terms
    const measured = {
      connection_id: facts.measured.connection_id,
      connect_event_hash: this.#hash,
      completeness,
      bytes_sent: sent,
      bytes_received: received,
      // A wall clock may step back.
      duration_ms: Math.max(0, Math.round(clock() - this.#openedMs)),
      status,
    }
    const observation = {
      ...origin,
      type: "network_traffic",
      facts: { measured, reported: hello },
    } as const
    const written = this.#last.then(() => recorder.record(observation))
    this.#last = written.catch(() => undefined)
    return written
  }
}
