import { type Event, type EventBody, systemAgent } from "@amc/core"

type Head = EventBody<"run_opened">["facts"]["measured"]["heads"][number]

/**
 * Which events a run is a function of, and how many of them there are not: told by each in turn, in the order of
 * its lane. It holds a few numbers for each chain.
 */
export class Completeness {
  readonly #run: EventBody<"run_opened">
  readonly #heads: ReadonlyMap<string, Head>
  readonly #missed: Map<string, string>
  readonly #chains = new Map<string, Chain>()

  constructor(run: EventBody<"run_opened">) {
    const { heads } = run.facts.measured
    this.#run = run
    this.#heads = new Map(
      heads.filter(({ agent }) => this.#isConcerned(agent)).map((head) => [chainName(head), head]),
    )
    this.#missed = new Map([...this.#heads].map(([name, head]) => [name, head.event_hash]))
  }

  /** Whether an event lies before the run: in its lane, or up to the head that it names in another. */
  covers(event: Event): boolean {
    if (!this.#isConcerned(event.agent)) return false
    if (event.lane === this.#run.lane) return event.lseq < this.#run.lseq
    const head = this.#heads.get(chainName(event))
    return head !== undefined && event.aseq <= head.aseq
  }

  add({ hash, event }: { readonly hash: string; readonly event: Event }): void {
    const name = chainName(event)
    if (this.#missed.get(name) === hash) this.#missed.delete(name)
    const chain = this.#chains.get(name) ?? new Chain()
    this.#chains.set(name, chain)
    chain.add(event.aseq)
  }

  /** Places that the run names and that hold no event, or two. */
  get missing(): number {
    const lengths = new Map([...this.#chains.keys()].map((name) => [name, 0]))
    for (const [name, { aseq }] of this.#heads) lengths.set(name, aseq + 1)
    lengths.set(chainName(this.#run), this.#run.aseq)
    let missing = this.#missed.size
    for (const [name, length] of lengths)
      missing += (this.#chains.get(name) ?? new Chain()).holes(length)
    return missing
  }

  #isConcerned(agent: string): boolean {
    return agent === this.#run.agent || agent === systemAgent
  }
}

/** The places of a chain that are taken. */
class Chain {
  #events = 0
  /** All places before it are taken. */
  #next = 0
  readonly #beyond = new Set<number>()

  add(place: number): void {
    this.#events++
    if (place > this.#next) this.#beyond.add(place)
    if (place !== this.#next) return
    do this.#next++
    while (this.#beyond.delete(this.#next))
  }

  /** Places that are empty or taken twice, counted from the chain's start to its end. */
  holes(length: number): number {
    const places = this.#next + this.#beyond.size
    let end = Math.max(length, this.#next)
    for (const place of this.#beyond) end = Math.max(end, place + 1)
    return end - places + (this.#events - places)
  }
}

function chainName({ lane, agent }: { readonly lane: string; readonly agent: string }): string {
  return `${lane} ${agent}`
}
