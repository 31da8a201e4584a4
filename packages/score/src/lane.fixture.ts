import {
  type Channel,
  channelsByType,
  type Event,
  type FactType,
  type MeasuredFacts,
  type ReportedFacts,
  sha256Hex,
  systemAgent,
  utf8,
} from "@amc/core"
import type { EvidenceEvent } from "./v1/evidence.ts"

export const day = 86_400_000
export const agent = "example"
/** A Monday at 00:00 UTC. */
export const start = 20_000 * day

const digests = new Map<string, string>()

/** The digest of a name: stands for any digest in a test. */
export function digest(name: string): string {
  const known = digests.get(name) ?? sha256Hex(utf8(name))
  digests.set(name, known)
  return known
}

export interface Terms<T extends FactType> {
  readonly session?: string | null
  readonly of?: string
  readonly channel?: Channel
  readonly reported?: ReportedFacts<T>
  readonly body?: string
}

/** Writes plausible events as a lane's recorder would, without signatures: hashes name places. */
export class LaneFixture {
  readonly events: EvidenceEvent[] = []
  readonly name: string
  now: number = start
  readonly #aseq = new Map<string, number>()

  constructor(name = "lane-1") {
    this.name = name
  }

  record<T extends FactType>(type: T, measured: MeasuredFacts<T>, terms: Terms<T> = {}): string {
    const { of = agent, session = null, reported = {}, body } = terms
    const channel = terms.channel ?? channelsByType[type][0]
    const lseq = this.events.length
    const aseq = this.#aseq.get(of) ?? 0
    this.#aseq.set(of, aseq + 1)
    const hash = digest(`${this.name} ${lseq}`)
    const payload =
      body === undefined
        ? null
        : { sha256: digest(body), size: 9, media: "application/json", blob_sha256: null }
    const event = {
      v: 1,
      type,
      channel,
      lane: this.name,
      lseq,
      lprev: digest(`${this.name} ${lseq - 1}`),
      id: `00000000-0000-7000-8000-${String(lseq).padStart(12, "0")}`,
      ts: this.now,
      agent: of,
      aseq,
      aprev: digest(`${of} ${aseq}`),
      session,
      payload,
      facts: { measured, reported },
      kid: digest("monitor"),
    }
    this.events.push({ hash, event: event as unknown as Event })
    return hash
  }

  /** Where the chains of the agent and of the system stand. */
  heads(): MeasuredFacts<"run_opened">["heads"] {
    return [agent, systemAgent].flatMap((name) => {
      const last = this.events.findLast(({ event }) => event.agent === name)
      if (last === undefined) return []
      return [{ lane: this.name, agent: name, aseq: last.event.aseq, event_hash: last.hash }]
    })
  }
}
