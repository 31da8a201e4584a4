import type { Event, MeasuredFacts } from "@amc/core"
import type { EvidenceEvent } from "./evidence.ts"

type Range = MeasuredFacts<"attestation">

/**
 * What an auditor vouched for in an agent's chains. That the auditor's signature is inside each attestation
 * is checked by the verifiers; here a range counts if both its ends are the events that it names.
 */
export class Attested {
  readonly #ranges: readonly Range[]

  constructor(events: readonly EvidenceEvent[], agent: string) {
    const told = events.flatMap(({ event }) =>
      event.type === "attestation" && event.agent === agent ? [event.facts.measured] : [],
    )
    this.#ranges = told.filter(endsIn(events, agent))
  }

  has({ lane, aseq }: Pick<Event, "lane" | "aseq">): boolean {
    return this.#ranges.some(
      (range) => range.lane === lane && range.first_aseq <= aseq && aseq <= range.last_aseq,
    )
  }
}

function endsIn(events: readonly EvidenceEvent[], agent: string): (range: Range) => boolean {
  const hashes = new Map<string, string>()
  for (const { hash, event } of events)
    if (event.agent === agent) hashes.set(`${event.lane} ${event.aseq}`, hash)
  return ({ lane, first_aseq, last_aseq, first_event_hash, last_event_hash }) =>
    hashes.get(`${lane} ${first_aseq}`) === first_event_hash &&
    hashes.get(`${lane} ${last_aseq}`) === last_event_hash
}
