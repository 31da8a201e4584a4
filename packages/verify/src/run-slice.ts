import { type EventBody, type Finding, type MeasuredFacts, systemAgent } from "@amc/core"
import type { CheckedEvent } from "./session-check.ts"

/** The event that opened a run, with its hash. */
export interface RunOpened {
  readonly hash: string
  readonly event: EventBody<"run_opened">
}

/** Finds the opening of a run of an agent. */
export function runsOpened(
  events: readonly CheckedEvent[],
  runId: string,
  agent: string,
): readonly RunOpened[] {
  return events.flatMap(({ hash, event }) => {
    if (event.type !== "run_opened") return []
    const { run_id, agent: about } = event.facts.measured
    return run_id === runId && about === agent && event.agent === agent ? [{ hash, event }] : []
  })
}

/**
 * The events that a run is a function of: the agent's up to the one that opened it, and in each lane
 * what the agent and `_system` had by then, as the opening names it.
 */
export function sliceOfRun(
  events: readonly CheckedEvent[],
  runOpened: RunOpened,
): readonly CheckedEvent[] {
  const ends = endsOf(runOpened)
  return events.filter(({ event }) => event.aseq <= (ends.get(chainName(event)) ?? -1))
}

/** What the slice of a run lacks of the heads that its opening names. */
export function headFindings(
  slice: readonly CheckedEvent[],
  { event }: RunOpened,
): readonly Finding[] {
  const found = new Map(
    slice.map((checked) => [`${chainName(checked.event)}/${checked.event.aseq}`, checked.hash]),
  )
  const missing = event.facts.measured.heads.filter(
    (head) =>
      isOfRun(head.agent, event.agent) &&
      found.get(`${chainName(head)}/${head.aseq}`) !== head.event_hash,
  )
  return missing.map(({ lane, agent, aseq }) => ({
    code: "run/incomplete",
    subject: `event ${aseq} of ${agent} in lane ${lane}`,
    detail: "the run's opening names it as the last before it, and it is not there",
    tampered: true,
  }))
}

/**
 * What is wrong with the heads that a run's opening names: fewer or lower ones than exist would leave
 * evidence out (spec/run.md, rule 7).
 */
export function namingFindings(
  slice: readonly CheckedEvent[],
  { event, hash }: RunOpened,
): readonly Finding[] {
  const { heads } = event.facts.measured
  const named = new Map(heads.map((head) => [chainName(head), head.aseq]))
  const aseqOf = (agent: string): number => named.get(chainName({ lane: event.lane, agent })) ?? -1
  const wrong: string[] = []
  if (named.size < heads.length) wrong.push("it names one chain twice")
  if (aseqOf(systemAgent) < 0)
    wrong.push("it does not say where the system's chain of its lane stood")
  if (aseqOf(event.agent) !== event.aseq - 1)
    wrong.push("the agent's head in its lane is not the event before it")
  if (
    earlierHeads(slice, event.agent, hash).some(
      (head) => (named.get(chainName(head)) ?? -1) < head.aseq,
    )
  )
    wrong.push("a chain ends earlier than for a run that was opened before")
  const terms = { code: "run/heads", subject: "run opening", tampered: true } as const
  return wrong.map((detail) => ({ ...terms, detail }))
}

/** What the other runs of the agent in the slice were opened after. */
function earlierHeads(
  slice: readonly CheckedEvent[],
  agent: string,
  opening: string,
): readonly Head[] {
  return slice.flatMap(({ hash, event }) =>
    event.type === "run_opened" && event.agent === agent && hash !== opening
      ? event.facts.measured.heads.filter((head) => isOfRun(head.agent, agent))
      : [],
  )
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
