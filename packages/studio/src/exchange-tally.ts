import type { MeasuredFacts, Observation, Recorded, Recorder } from "@amc/core"
import { type Occurrence, Occurrences } from "./occurrences.ts"

/** What came of a session's calls: for the person at the terminal. The ledger has the evidence. */
export interface Exchanges {
  readonly requests: number
  /** Answered by the provider with success. */
  readonly served: number
  /** What went wrong instead, each with how often: a code of the gateway's, or the provider's status. */
  readonly troubles: readonly Occurrence[]
}

/** Passes everything on to a recorder, and counts how a session's calls ended. */
export class ExchangeTally implements Recorder {
  readonly #recorder: Recorder
  readonly #troubles = new Occurrences()
  #requests = 0
  #served = 0

  constructor(recorder: Recorder) {
    this.#recorder = recorder
  }

  async record(observation: Observation): Promise<Recorded> {
    this.#take(observation)
    return this.#recorder.record(observation)
  }

  get exchanges(): Exchanges {
    return { requests: this.#requests, served: this.#served, troubles: this.#troubles.all }
  }

  #take({ type, facts }: Observation): void {
    if (type === "llm_request") this.#requests++
    if (type === "audit" && facts.measured.subject.startsWith("gateway/"))
      this.#troubles.add(facts.measured.subject)
    if (type !== "llm_response") return
    const trouble = troubleOf(facts.measured)
    if (trouble === null) this.#served++
    else this.#troubles.add(trouble)
  }
}

function troubleOf({
  status,
  from_upstream: isFromUpstream,
  completeness,
}: MeasuredFacts<"llm_response">): string | null {
  if (isFromUpstream && status >= 200 && status < 300) return null
  if (completeness === "upstream-unreachable") return "gateway/upstream-unreachable"
  if (completeness === "timeout") return "gateway/upstream-timeout"
  if (completeness === "client-gone") return "the agent hung up"
  return isFromUpstream ? `${status} from the provider` : `${status} from the gateway`
}
