import type { FactType } from "@amc/core"
import type { CheckedEvent } from "./session-check.ts"

/**
 * Verified events of an agent and of `_system`, lane by lane in their order, the lanes by their names. They are made
 * anew each time that somebody goes through them, so that nobody has to hold them.
 */
export type Evidence = Iterable<CheckedEvent> | AsyncIterable<CheckedEvent>

/** These hold somebody's word as their payload. */
const wordTypes: ReadonlySet<FactType> = new Set([
  "config_change",
  "attestation",
  "payload_prune",
] as const)

/** What is kept of a run's events while they are checked one by one. It grows with what people did, not with calls. */
export class EvidenceNotes {
  /** Those that open a run. */
  readonly openings: CheckedEvent[] = []
  /** Changes of a config, attestations and prunes. */
  readonly words: CheckedEvent[] = []
  #count = 0

  /** How many events there are. */
  get count(): number {
    return this.#count
  }

  note(checked: CheckedEvent): void {
    this.#count++
    if (checked.event.type === "run_opened") this.openings.push(checked)
    if (wordTypes.has(checked.event.type)) this.words.push(checked)
  }

  /** Takes over what was noted of another chain. */
  join({ openings, words, count }: EvidenceNotes): void {
    this.#count += count
    for (const each of openings) this.openings.push(each)
    for (const each of words) this.words.push(each)
  }
}
