import { createHash } from "node:crypto"
import { AmcError, systemAgent } from "@amc/core"
import type { EventRow } from "@amc/ledger"
import type { SqliteLedger } from "@amc/store-sqlite"
import type { RunPlace } from "./run-place.ts"

/** The two chains of a run's slice, read as often as somebody goes through them. None of it is held. */
export interface RunChains {
  readonly agent: AsyncIterable<EventRow>
  readonly system: AsyncIterable<EventRow>
}

/** Going through them throws `store/unavailable`, and `store/damaged` if they are not what they were before. */
export function runChains(
  { events }: SqliteLedger,
  { runOpened: { lane, agent, aseq }, systemTo }: RunPlace,
): RunChains {
  return {
    agent: new SteadyRows(() => events.readAgent(lane, agent, 0), aseq),
    system: new SteadyRows(() => events.readAgent(lane, systemAgent, 0), systemTo),
  }
}

/** All at once, for who can't go through them one by one. */
export async function gathered<T>(each: Iterable<T> | AsyncIterable<T>): Promise<readonly T[]> {
  const found: T[] = []
  for await (const one of each) found.push(one)
  return found
}

/** The rows of both in the order of their lane, as a score takes them. */
export async function* inLaneOrder({ agent, system }: RunChains): AsyncGenerator<EventRow> {
  const [own, others] = [agent[Symbol.asyncIterator](), system[Symbol.asyncIterator]()]
  let [ours, theirs] = [await own.next(), await others.next()]
  while (ours.done !== true || theirs.done !== true) {
    const isOurs =
      theirs.done === true || (ours.done !== true && ours.value.lseq < theirs.value.lseq)
    const { done, value } = isOurs ? ours : theirs
    if (done !== true) yield value
    if (isOurs) ours = await own.next()
    else theirs = await others.next()
  }
}

/** A chain up to a place. Whoever goes through it again meets the leaves of the first time, or is told otherwise. */
class SteadyRows implements AsyncIterable<EventRow> {
  readonly #read: () => AsyncIterable<EventRow>
  readonly #to: number
  #first: string | undefined

  constructor(read: () => AsyncIterable<EventRow>, to: number) {
    this.#read = read
    this.#to = to
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<EventRow> {
    const digest = createHash("sha256")
    for await (const row of this.#read()) {
      if (row.aseq > this.#to) break
      digest.update(`${row.leaf.length} `).update(row.leaf)
      yield row
    }
    const found = digest.digest("hex")
    this.#first ??= found
    if (found !== this.#first)
      throw new AmcError("store/damaged", "the ledger was changed while it was read")
  }
}
