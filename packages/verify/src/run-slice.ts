import { type EventBody, type Finding, type MeasuredFacts, systemAgent } from "@amc/core"
import type { CheckedEvent } from "./session-check.ts"

/** The event that opened a run, with its hash. */
export interface RunOpened {
  readonly hash: string
  readonly event: EventBody<"run_opened">
}

/** Finds the opening of a run of an agent among those of all runs. */
export function runsOpened(
  openings: readonly CheckedEvent[],
  runId: string,
  agent: string,
): readonly RunOpened[] {
  return openings.flatMap(({ hash, event }) => {
    if (event.type !== "run_opened") return []
    const { run_id, agent: about } = event.facts.measured
    return run_id === runId && about === agent && event.agent === agent ? [{ hash, event }] : []
  })
}

/**
 * The events that a run is a function of: the agent's up to the one that opened it, and in each lane
 * what the agent and `_system` had by then, as the opening names it.
 */
export class RunSlice {
  readonly #run: RunOpened
  readonly #ends: ReadonlyMap<string, number>
  /** The last events that the opening names, by their places. */
  readonly #heads: ReadonlyMap<string, Head>
  readonly #found = new Map<string, string>()

  constructor(run: RunOpened) {
    this.#run = run
    this.#ends = endsOf(run)
    const heads = run.event.facts.measured.heads
    this.#heads = new Map(
      heads
        .filter(({ agent }) => isOfRun(agent, run.event.agent))
        .map((each) => [placeOf(each), each]),
    )
  }

  /** Whether an event is one of them. */
  has({ event }: CheckedEvent): boolean {
    return event.aseq <= (this.#ends.get(chainName(event)) ?? -1)
  }

  /** Takes one of them into account. */
  note({ hash, event }: CheckedEvent): void {
    const place = placeOf(event)
    if (this.#heads.has(place)) this.#found.set(place, hash)
  }

  /** What those that were noted lack of the heads that the opening names. */
  headFindings(): readonly Finding[] {
    const { heads } = this.#run.event.facts.measured
    const missing = heads.filter(
      (head) =>
        isOfRun(head.agent, this.#run.event.agent) &&
        this.#found.get(placeOf(head)) !== head.event_hash,
    )
    return missing.map(({ lane, agent, aseq }) => ({
      code: "run/incomplete",
      subject: `event ${aseq} of ${agent} in lane ${lane}`,
      detail: "the run's opening names it as the last before it, and it is not there",
      tampered: true,
    }))
  }

  /**
   * What is wrong with the heads that the opening names, beside those that opened other runs: fewer or lower ones than
   * exist would leave evidence out (spec/run.md, rule 7).
   */
  namingFindings(openings: readonly CheckedEvent[]): readonly Finding[] {
    const { event } = this.#run
    const { heads } = event.facts.measured
    const named = new Map(heads.map((head) => [chainName(head), head.aseq]))
    const aseqOf = (agent: string): number =>
      named.get(chainName({ lane: event.lane, agent })) ?? -1
    const wrong: string[] = []
    if (named.size < heads.length) wrong.push("it names one chain twice")
    if (aseqOf(systemAgent) < 0)
      wrong.push("it does not say where the system's chain of its lane stood")
    if (aseqOf(event.agent) !== event.aseq - 1)
      wrong.push("the agent's head in its lane is not the event before it")
    const earlier = this.#earlierHeads(openings)
    if (earlier.some((head) => (named.get(chainName(head)) ?? -1) < head.aseq))
      wrong.push("a chain ends earlier than for a run that was opened before")
    const terms = { code: "run/heads", subject: "run opening", tampered: true } as const
    return wrong.map((detail) => ({ ...terms, detail }))
  }

  /** What the other runs of the agent in the slice were opened after. */
  #earlierHeads(openings: readonly CheckedEvent[]): readonly Head[] {
    const { agent } = this.#run.event
    return openings.flatMap((each) =>
      each.event.type === "run_opened" &&
      each.event.agent === agent &&
      each.hash !== this.#run.hash &&
      this.has(each)
        ? each.event.facts.measured.heads.filter((head) => isOfRun(head.agent, agent))
        : [],
    )
  }
}

type Head = MeasuredFacts<"run_opened">["heads"][number]

function endsOf({ event }: RunOpened): ReadonlyMap<string, number> {
  const heads = event.facts.measured.heads.filter(({ agent }) => isOfRun(agent, event.agent))
  const ends = new Map(heads.map((head) => [chainName(head), head.aseq]))
  // The opening is the last event of its own chain here, and can't name itself.
  return ends.set(chainName(event), event.aseq)
}

function isOfRun(agent: string, runAgent: string): boolean {
  return agent === runAgent || agent === systemAgent
}

function chainName({ lane, agent }: { readonly lane: string; readonly agent: string }): string {
  return `${lane}/${agent}`
}

function placeOf(at: {
  readonly lane: string
  readonly agent: string
  readonly aseq: number
}): string {
  return `${chainName(at)}/${at.aseq}`
}
