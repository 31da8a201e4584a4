import { AmcError, type EventBody, systemAgent, toHex } from "@amc/core"
import type { SqliteLedger } from "@amc/store-sqlite"
import { eventOf } from "./ledger-reader.ts"

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
