import type { Digest } from "../digest.ts"
import { emptyRoot, hashNode } from "./hash.ts"
import { half } from "./shape.ts"

/**
 * Grows a tree leaf by leaf and knows its root, keeping only one hash per complete subtree: at most 53.
 */
export class MerkleAccumulator {
  /** Roots of the complete subtrees, the largest (leftmost) first. */
  readonly #peaks: Digest[] = []
  #size = 0

  /** Number of leaves. */
  get size(): number {
    return this.#size
  }

  append(leafHash: Digest): void {
    let peak = leafHash
    // Each trailing one bit of the size is a complete subtree that this leaf makes part of a larger one.
    for (let rest = this.#size; rest % 2 === 1; rest = half(rest))
      peak = hashNode(this.#peaks.pop() as Digest, peak)
    this.#peaks.push(peak)
    this.#size++
  }

  /** The root of the tree of all leaves so far (RFC 9162 section 2.1.1). */
  root(): Digest {
    const [smallest = emptyRoot, ...larger] = this.#peaks.toReversed()
    // A copy, since the only peak may be the caller's own leaf hash, or the constant.
    return larger.reduce((right, left) => hashNode(left, right), Uint8Array.from(smallest))
  }
}

/** The root of the tree of these leaf hashes. */
export function rootOf(leafHashes: readonly Digest[]): Digest {
  const tree = new MerkleAccumulator()
  for (const leafHash of leafHashes) tree.append(leafHash)
  return tree.root()
}
