import type { SignedLeaf } from "@amc/core"
import type { EventStore } from "./event-store.ts"

/** Which leaves of a lane: all, or one agent's. Positions are `lseq`, or the agent's `aseq`; ends included. */
export interface SliceTerms {
  readonly lane: string
  readonly agent?: string
  readonly from?: number
  readonly to?: number
}

/**
 * The leaves of a slice in order, as they are stored. Nothing is checked: pass them to a verifier.
 *
 * @throws {@link AmcError} `store/unavailable`
 */
export async function* readSlice(
  store: EventStore,
  { lane, agent, from = 0, to = Number.MAX_SAFE_INTEGER }: SliceTerms,
): AsyncGenerator<SignedLeaf, void, undefined> {
  if (agent === undefined) {
    for await (const { leaf, signature } of store.read(lane, from, to)) yield { leaf, signature }
    return
  }
  for await (const { leaf, signature, aseq } of store.readAgent(lane, agent, from)) {
    if (aseq > to) return
    yield { leaf, signature }
  }
}
