import { AmcError, type Event, type EventBody } from "@amc/core"
import { Completeness } from "./completeness.ts"
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
}

/**
 * The evidence of a run: what lies before its `run_opened` in that lane, and up to the heads that it
 * names in the others. The order and the repetition of the input change nothing.
 *
 * @throws {@link AmcError} `run/unknown` if the events don't hold the run's `run_opened`.
 */
export function evidenceOf(input: readonly EvidenceEvent[], runOpened: string): Evidence {
  const unique = new Map(input.map((each) => [each.hash, each]))
  const run = openingOf(unique.get(runOpened), runOpened)
  const complete = new Completeness(run)
  const before = [...unique.values()].filter(({ event }) => complete.covers(event))
  const lanes = [...Map.groupBy(before, ({ event }) => event.lane)].sort(([a], [b]) => byText(a, b))
  const ordered = lanes.map(([, events]) => events.sort((a, b) => a.event.lseq - b.event.lseq))
  return { run, events: ordered.flat() }
}

/** @throws {@link AmcError} `run/unknown` if it is not a run's first event. */
export function openingOf(
  opened: EvidenceEvent | undefined,
  runOpened: string = opened?.hash ?? "",
): EventBody<"run_opened"> {
  if (opened?.event.type === "run_opened") return opened.event
  throw new AmcError("run/unknown", `no run_opened event ${runOpened} among the evidence`)
}
