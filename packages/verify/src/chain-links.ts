import { type Event, type Finding, genesisHash } from "@amc/core"

/** Where a chain of one agent stands. */
export interface ChainHead {
  readonly aseq: number
  readonly event_hash: string
}

type LinkFinding = Omit<Finding, "subject">

/** What is being checked: a whole lane, or one agent's slice of it. */
export interface LinkTerms {
  readonly lane: string
  readonly agent?: string
  readonly rootSha256: string
}

/** Follows the links of a lane and of the agents in it, from genesis. After a break it goes on from what it met. */
export class ChainLinks {
  readonly #terms: LinkTerms
  readonly #heads = new Map<string, ChainHead>()
  #last: { readonly lseq: number; readonly hash: string; readonly ts: number }

  constructor(terms: LinkTerms) {
    this.#terms = terms
    this.#last = { lseq: -1, hash: genesisHash(terms.lane, "", terms.rootSha256), ts: 0 }
  }

  /** Each agent's last event so far. */
  get heads(): ReadonlyMap<string, ChainHead> {
    return this.#heads
  }

  check(event: Event, hash: string): readonly LinkFinding[] {
    const found = [
      ...this.#placeFindings(event),
      ...this.#laneFindings(event),
      ...this.#agentFindings(event),
    ]
    this.#last = { lseq: event.lseq, hash, ts: Math.max(this.#last.ts, event.ts) }
    this.#heads.set(event.agent, { aseq: event.aseq, event_hash: hash })
    return found
  }

  /** Passes over a leaf that could not be read. */
  skip(hash: string): void {
    this.#last = { ...this.#last, lseq: this.#last.lseq + 1, hash }
  }

  #placeFindings({ lane, agent }: Event): readonly LinkFinding[] {
    const { lane: expected, agent: only } = this.#terms
    if (lane !== expected)
      return [broken("ledger/foreign-lane", `the event is of another lane than ${expected}`)]
    if (only !== undefined && agent !== only)
      return [broken("ledger/foreign-agent", `the event is of another agent than ${only}`)]
    return []
  }

  #laneFindings({ lseq, lprev, ts }: Event): readonly LinkFinding[] {
    const found: LinkFinding[] = []
    const follows = lseq === this.#last.lseq + 1
    if (this.#terms.agent === undefined ? !follows : lseq <= this.#last.lseq)
      found.push(
        broken(
          "ledger/lane-broken",
          `the event has place ${lseq} in its lane, after place ${this.#last.lseq}`,
        ),
      )
    else if (follows && lprev !== this.#last.hash)
      found.push(
        broken("ledger/lane-broken", "the event does not link to the lane's event before it"),
      )
    if (ts < this.#last.ts)
      found.push({
        code: "ledger/time-decreased",
        detail: "the event is earlier than the one before it",
        tampered: false,
      })
    return found
  }

  #agentFindings({ agent, aseq, aprev }: Event): readonly LinkFinding[] {
    const { lane, rootSha256 } = this.#terms
    const { aseq: last, event_hash: hash } = this.#heads.get(agent) ?? {
      aseq: -1,
      event_hash: genesisHash(lane, agent, rootSha256),
    }
    if (aseq !== last + 1)
      return [
        broken(
          "ledger/agent-broken",
          `the event is number ${aseq} of its agent, after number ${last}`,
        ),
      ]
    if (aprev !== hash)
      return [
        broken("ledger/agent-broken", "the event does not link to its agent's event before it"),
      ]
    return []
  }
}

/** Events hold their links under a signature, so a link that does not fit means that events were changed or left out. */
function broken(code: LinkFinding["code"], detail: string): LinkFinding {
  return { code, detail, tampered: true }
}
