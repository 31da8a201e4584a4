import { AmcError, type EventBody, type SignedLeaf, systemAgent, toHex } from "@amc/core"
import type { EventRow } from "@amc/ledger"
import type { EvidenceEvent } from "@amc/score"
import type { SqliteLedger } from "@amc/store-sqlite"
import { agentLeaves, eventOf, evidenceEventOf } from "./ledger-reader.ts"

/** The evidence that a run is a function of: the agent's chain up to its `run_opened`, and the system's. */
export interface RunSlice {
  readonly runOpened: EventBody<"run_opened">
  readonly runOpenedHash: string
  readonly agent: readonly SignedLeaf[]
  readonly system: readonly SignedLeaf[]
}

/**
 * Reads a run's slice by its `run_opened` event.
 *
 * @throws {@link AmcError} `run/not-reproducible` if the ledger no longer has what the run names
 */
export async function readRunSlice(ledger: SqliteLedger, runOpenedHash: string): Promise<RunSlice> {
  const { runOpened: event, systemTo } = await findRunPlace(ledger, runOpenedHash)
  return {
    runOpened: event,
    runOpenedHash,
    agent: await agentLeaves(ledger, event.lane, event.agent, event.aseq),
    system: await agentLeaves(ledger, event.lane, systemAgent, systemTo),
  }
}

/** Where a run's slice lies: its first event, and how far the system's chain goes. */
export interface RunPlace {
  readonly runOpened: EventBody<"run_opened">
  readonly runOpenedHash: string
  readonly systemTo: number
}

/** @throws {@link AmcError} `run/not-reproducible` if the ledger no longer has what the run names */
export async function findRunPlace(ledger: SqliteLedger, runOpenedHash: string): Promise<RunPlace> {
  const found = await ledger.events.findEvent(runOpenedHash)
  const event = found === null ? undefined : eventOf(found.row.leaf)
  if (event?.type !== "run_opened")
    throw new AmcError("run/not-reproducible", "the ledger does not hold the run's first event")
  const systemHead = event.facts.measured.heads.find(
    ({ agent, lane }) => agent === systemAgent && lane === event.lane,
  )
  if (systemHead === undefined)
    throw new AmcError("run/not-reproducible", "the run names no head of the system chain")
  return { runOpened: event, runOpenedHash, systemTo: systemHead.aseq }
}

/**
 * The events of a run's slice one by one, in the order of their lane, as a score takes them. None is held.
 *
 * @throws {@link AmcError} `store/unavailable`
 */
export async function* runEvents(
  { events }: SqliteLedger,
  { runOpened: { lane, agent, aseq }, systemTo }: RunPlace,
): AsyncGenerator<EvidenceEvent> {
  const own = chainOf(events.readAgent(lane, agent, 0), aseq)
  const system = chainOf(events.readAgent(lane, systemAgent, 0), systemTo)
  let [ours, theirs] = [await own.next(), await system.next()]
  while (ours.done !== true || theirs.done !== true) {
    const isOurs =
      theirs.done === true || (ours.done !== true && ours.value.lseq < theirs.value.lseq)
    const { done, value } = isOurs ? ours : theirs
    if (done !== true) yield evidenceEventOf(value.leaf)
    if (isOurs) ours = await own.next()
    else theirs = await system.next()
  }
}

async function* chainOf(rows: AsyncIterable<EventRow>, to: number): AsyncGenerator<EventRow> {
  for await (const row of rows) {
    if (row.aseq > to) return
    yield row
  }
}

/** The `run_opened` event of a run id. @throws {@link AmcError} `run/unknown` */
export async function findRunOpened(
  ledger: SqliteLedger,
  lane: string,
  runId: string,
): Promise<string> {
  for await (const { leaf, leafHash } of ledger.events.readType(lane, "run_opened")) {
    const event = eventOf(leaf)
    if (event.type === "run_opened" && event.facts.measured.run_id === runId) return toHex(leafHash)
  }
  throw new AmcError("run/unknown", `the ledger has no run ${runId}`, {
    hint: "see 'amc run list'",
  })
}
