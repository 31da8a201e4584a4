import type { Observation, Recorded, Recorder } from "@amc/core"
import { type Occurrence, Occurrences } from "./occurrences.ts"

/** What came of a session's connections: for the person at the terminal. The ledger has the evidence. */
export interface Connections {
  readonly opened: number
  /** What was not let out, each with how often; it may hold names that the agent chose. */
  readonly refused: readonly Occurrence[]
}

export const noConnections: Connections = { opened: 0, refused: [] }

/** What is told one by one; a flood of names is told as "others". */
const mostTold = 8

/** Passes everything on to a recorder, and counts a session's connections. */
export class ConnectionTally implements Recorder {
  readonly #recorder: Recorder
  readonly #refused = new Occurrences(mostTold)
  #opened = 0

  constructor(recorder: Recorder) {
    this.#recorder = recorder
  }

  async record(observation: Observation): Promise<Recorded> {
    this.#take(observation)
    return this.#recorder.record(observation)
  }

  get connections(): Connections {
    return { opened: this.#opened, refused: this.#refused.all }
  }

  #take({ type, facts }: Observation): void {
    if (type === "network_connect") this.#opened += facts.measured.connections.length
    if (type !== "audit" || !facts.measured.subject.startsWith("egress/")) return
    const { subject, detail } = facts.measured
    this.#refused.add(`${detail} (${subject})`)
  }
}
