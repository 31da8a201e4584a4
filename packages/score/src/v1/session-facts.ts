import type { Channel, FactType, MeasuredFacts, ReportedFacts } from "@amc/core"
import type { EvidenceEvent } from "./evidence.ts"

/** An event without what it reports: all that a rule sees that may let a unit pass. */
export interface MeasuredEvent<T extends FactType> {
  readonly hash: string
  readonly ts: number
  readonly lseq: number
  /** Digest of the bytes that were delivered. */
  readonly bodySha256: string | null
  readonly measured: MeasuredFacts<T>
}

/** What the agent, the model or a tool wrote. It can make a unit fail and nothing else. */
export interface ReportedEvent<T extends FactType> {
  readonly hash: string
  readonly reported: ReportedFacts<T>
}

/** The facts of one session by type, the measured ones apart from the reported ones. */
export class SessionFacts {
  readonly #byType = new Map<FactType, EvidenceEvent[]>()
  readonly #measured = new Map<FactType, readonly MeasuredEvent<FactType>[]>()

  constructor(events: readonly EvidenceEvent[]) {
    for (const each of events) {
      const known = this.#byType.get(each.event.type)
      if (known === undefined) this.#byType.set(each.event.type, [each])
      else known.push(each)
    }
  }

  measured<T extends FactType>(type: T): readonly MeasuredEvent<T>[] {
    const known = this.#measured.get(type) ?? this.#of(type).map(measuredPart)
    this.#measured.set(type, known)
    return known as unknown as readonly MeasuredEvent<T>[]
  }

  reported<T extends FactType>(type: T): readonly ReportedEvent<T>[] {
    return this.#of(type).map(({ hash, event }) => ({
      hash,
      reported: event.facts.reported as ReportedFacts<T>,
    }))
  }

  has(type: FactType): boolean {
    return this.#byType.has(type)
  }

  /** The ways in by which events of these types came. */
  channels(types: readonly FactType[]): readonly Channel[] {
    return [...new Set(types.flatMap((type) => this.#of(type).map(({ event }) => event.channel)))]
  }

  #of(type: FactType): readonly EvidenceEvent[] {
    return this.#byType.get(type) ?? []
  }
}

function measuredPart({ hash, event }: EvidenceEvent): MeasuredEvent<FactType> {
  const { ts, lseq, payload, facts } = event
  return { hash, ts, lseq, bodySha256: payload?.sha256 ?? null, measured: facts.measured }
}
