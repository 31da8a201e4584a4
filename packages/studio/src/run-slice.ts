import { AmcError, type EventBody, toHex } from "@amc/core"
import type { SqliteLedger } from "@amc/store-sqlite"
import { agentLeaves, eventOf } from "./ledger-reader.ts"

/** The evidence that a run is a function of: the agent's chain up to its `run_opened`, and the system's. */
export interface RunSlice {
  readonly runOpened: EventBody<"run_opened">
  readonly runOpenedHash: string
  readonly agent: readonly Uint8Array[]
  readonly system: readonly Uint8Array[]
}

/**
 * Reads a run's slice by its `run_opened` event.
 *
 * @throws {@link AmcError} `run/not-reproducible` if the ledger no longer has what the run names
 */
export async function readRunSlice(ledger: SqliteLedger, runOpenedHash: string): Promise<RunSlice> {
  const found = await ledger.events.findEvent(runOpenedHash)
  const event = found === null ? undefined : eventOf(found.row.leaf)
  if (event?.type !== "run_opened")
    throw new AmcError("run/not-reproducible", "the ledger does not hold the run's first event")
  const systemHead = event.facts.measured.heads.find(
    ({ agent, lane }) => agent === "_system" && lane === event.lane,
  )
  if (systemHead === undefined)
    throw new AmcError("run/not-reproducible", "the run names no head of the system chain")
  return {
    runOpened: event,
    runOpenedHash,
    agent: await agentLeaves(ledger, event.lane, event.agent, event.aseq),
    system: await agentLeaves(ledger, event.lane, "_system", systemHead.aseq),
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
