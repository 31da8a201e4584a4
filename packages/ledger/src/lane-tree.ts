import { AmcError, type Digest, MerkleAccumulator, toHex } from "@amc/core"
import type { EventStore } from "./event-store.ts"

/** The Merkle tree over a lane's durable events; a leaf's index is its `lseq`. */
export class LaneTree {
  readonly #tree = new MerkleAccumulator()
  #last: Digest | null = null

  get size(): number {
    return this.#tree.size
  }

  /** The event hash of the last leaf. */
  get last(): string | null {
    return this.#last === null ? null : toHex(this.#last)
  }

  root(): Digest {
    return this.#tree.root()
  }

  append(leafHash: Digest): void {
    this.#tree.append(leafHash)
    this.#last = leafHash
  }

  /**
   * Takes in what the store has beyond this tree.
   *
   * @throws {@link AmcError} `store/conflict` if the store lost or changed the last event of this tree:
   * to go on would fork what was acknowledged.
   */
  async catchUp(store: EventStore, lane: string): Promise<void> {
    const { last } = this
    let at = Math.max(0, this.size - 1)
    let isLastThere = last === null
    for await (const leafHash of store.leafHashes(lane, at)) {
      if (at >= this.size) this.append(leafHash)
      else isLastThere = last === toHex(leafHash)
      if (!isLastThere) break
      at++
    }
    if (!isLastThere)
      throw new AmcError("store/conflict", `lane ${lane} lost an event that was acknowledged`)
  }
}
