import type { Observation, Recorded, Recorder } from "@amc/core"
import {
  countingIds,
  type FakeClock,
  fakeClock,
  laneBreaches,
  MemoryBlobStore,
  MemoryEventStore,
  seededSigner,
} from "@amc/testkit"
import type { EventStore } from "./event-store.ts"
import type { QueueLimits } from "./high-water.ts"
import type { IdSource } from "./lane-chain.ts"
import { LaneWriter } from "./lane-writer.ts"

export const lane = "main"
export const origin = "acme/ledger"
export const rootSha256: string = "ab".repeat(32)
export const signer = seededSigner("lane main")

/** A writer on memory, with all that a test looks at afterwards. */
export interface Writing {
  readonly writer: LaneWriter
  readonly store: EventStore
  readonly blobs: MemoryBlobStore
  readonly clock: FakeClock
  readonly ids: IdSource
  breaches(): Promise<string[]>
}

export interface WritingTerms {
  readonly store?: EventStore
  readonly blobs?: MemoryBlobStore
  readonly clock?: FakeClock
  readonly upClock?: FakeClock
  readonly ids?: IdSource
  readonly limits?: QueueLimits
}

export async function openWriting(terms: WritingTerms = {}): Promise<Writing> {
  const blobs = terms.blobs ?? new MemoryBlobStore()
  const store = terms.store ?? new MemoryEventStore(blobs)
  const clock = terms.clock ?? fakeClock()
  const ids = terms.ids ?? countingIds()
  const limits = {
    ...(terms.limits && { limits: terms.limits }),
    ...(terms.upClock && { upClock: terms.upClock }),
  }
  const common = { store, blobs, clock, lane, origin, rootSha256, signer, ids }
  const writer = await LaneWriter.open({ ...common, ...limits })
  const breaches = (): Promise<string[]> =>
    laneBreaches(store, { lane, rootSha256, key: signer.key })
  return { writer, store, blobs, clock, ids, breaches }
}

/** Hands all in at once, as one turn of the event loop does, and waits for what becomes of them. */
export function recordAll(
  writer: Recorder,
  observations: readonly Observation[],
): Promise<PromiseSettledResult<Recorded>[]> {
  return Promise.allSettled(observations.map((one) => writer.record(one)))
}
