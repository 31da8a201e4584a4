import { AmcError, type Event, type EventBody, systemAgent } from "@amc/core"
import { byText } from "./integer.ts"

/** One verified event under its event hash. */
export interface EvidenceEvent {
  readonly hash: string
  readonly event: Event
}

/** What a run is a function of. */
export interface Evidence {
  readonly run: EventBody<"run_opened">
  /** The events of the agent and of the system up to the run, each once, lane by lane in their order. */
  readonly events: readonly EvidenceEvent[]
  /** Places that the run names and that hold no event, or two. */
  readonly missing: number
}

/**
 * The evidence of a run: what lies before its `run_opened` in that lane, and up to the heads that it
 * names in the others. The order and the repetition of the input change nothing.
 *
 * @throws {@link AmcError} `run/unknown` if the events don't hold the run's `run_opened`.
 */
export function evidenceOf(input: readonly EvidenceEvent[], runOpened: string): Evidence {
  const unique = new Map(input.map((each) => [each.hash, each]))
  const run = unique.get(runOpened)?.event
  if (run?.type !== "run_opened")
    throw new AmcError("run/unknown", `no run_opened event ${runOpened} among the evidence`)
  const heads = headsOf(run)
  const before = [...unique.values()].filter(({ event }) => isBefore(run, event, heads))
  const lanes = [...Map.groupBy(before, ({ event }) => event.lane)].sort(([a], [b]) => byText(a, b))
  const ordered = lanes.map(([, events]) => events.sort((a, b) => a.event.lseq - b.event.lseq))
  return { run, events: ordered.flat(), missing: missingOf(run, before, heads) }
}

/** Where the run says that the chains concerned stood: number and hash of their last events. */
type Heads = ReadonlyMap<string, { readonly aseq: number; readonly event_hash: string }>

function headsOf(run: EventBody<"run_opened">): Heads {
  const heads = run.facts.measured.heads.filter(({ agent }) => isConcerned(run, agent))
  return new Map(heads.map((head) => [chainName(head), head]))
}

function isConcerned(run: EventBody<"run_opened">, agent: string): boolean {
  return agent === run.agent || agent === systemAgent
}

function isBefore(run: EventBody<"run_opened">, event: Event, heads: Heads): boolean {
  if (!isConcerned(run, event.agent)) return false
  if (event.lane === run.lane) return event.lseq < run.lseq
  const head = heads.get(chainName(event))
  return head !== undefined && event.aseq <= head.aseq
}

function missingOf(
  run: EventBody<"run_opened">,
  events: readonly EvidenceEvent[],
  heads: Heads,
): number {
  const chains = chainsOf(events)
  const lengths = new Map([...chains.keys()].map((name) => [name, 0]))
  for (const [name, { aseq }] of heads) lengths.set(name, aseq + 1)
  lengths.set(chainName(run), run.aseq)
  const hashes = new Set(events.map(({ hash }) => hash))
  let missing = [...heads.values()].filter((head) => !hashes.has(head.event_hash)).length
  for (const [name, length] of lengths) missing += holesOf(chains.get(name) ?? [], length)
  return missing
}

function chainsOf(events: readonly EvidenceEvent[]): ReadonlyMap<string, readonly EvidenceEvent[]> {
  const lanes = [...Map.groupBy(events, ({ event }) => event.lane).values()]
  const chains = lanes.flatMap((lane) => [
    ...Map.groupBy(lane, ({ event }) => event.agent).values(),
  ])
  return new Map(chains.map((chain) => [chainName((chain[0] as EvidenceEvent).event), chain]))
}

/** Places of a chain that are empty or taken twice, counted from its start to its end. */
function holesOf(chain: readonly EvidenceEvent[], length: number): number {
  const places = new Set(chain.map(({ event }) => event.aseq))
  let end = length
  for (const place of places) if (place >= end) end = place + 1
  return end - places.size + (chain.length - places.size)
}

function chainName({ lane, agent }: { readonly lane: string; readonly agent: string }): string {
  return `${lane} ${agent}`
}
