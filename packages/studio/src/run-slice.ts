import type { SignedLeaf } from "@amc/core"
import { beginScore, type RunScore } from "@amc/score"
import type { SqliteLedger } from "@amc/store-sqlite"
import { evidenceEventOf } from "./ledger-reader.ts"
import { gathered, inLaneOrder, runChains } from "./run-chains.ts"
import { findRunPlace, type RunPlace } from "./run-place.ts"

/** The evidence that a run is a function of: the agent's chain up to its `run_opened`, and the system's. */
export interface RunSlice {
  readonly agent: readonly SignedLeaf[]
  readonly system: readonly SignedLeaf[]
}

/**
 * Reads a run's slice into memory by its `run_opened` event.
 *
 * @throws {@link AmcError} `run/not-reproducible` if the ledger no longer has what the run names
 */
export async function readRunSlice(ledger: SqliteLedger, runOpenedHash: string): Promise<RunSlice> {
  const { agent, system } = runChains(ledger, await findRunPlace(ledger, runOpenedHash))
  return { agent: await gathered(agent), system: await gathered(system) }
}

/** Scores a run by the engine that it names, in two ways through its evidence. @throws {@link AmcError} as {@link findRunPlace} */
export async function scoreStored(
  ledger: SqliteLedger,
  place: RunPlace,
  engine?: string,
): Promise<RunScore> {
  const chains = runChains(ledger, place)
  const score = beginScore({ hash: place.runOpenedHash, event: place.runOpened }, engine)
  for await (const { leaf } of inLaneOrder(chains)) score.look(evidenceEventOf(leaf))
  for await (const { leaf } of inLaneOrder(chains)) score.take(evidenceEventOf(leaf))
  return score
}
