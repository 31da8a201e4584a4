import type { Digest } from "../digest.ts"
import { hashNode } from "./hash.ts"
import { checkPlace, malformedProof, splitOf } from "./shape.ts"

/** Leaves from an index up to and without another. */
export interface LeafRange {
  readonly from: number
  readonly to: number
}

/** A complete subtree: `2 ** height` leaves, the `index`-th group of that many. */
export interface Subtree {
  readonly height: number
  readonly index: number
}

/**
 * The leaves under each hash of an inclusion proof, leaf end first (RFC 9162 section 2.1.3.1).
 *
 * @throws {@link AmcError} `proof/malformed` if there is no such leaf.
 */
export function inclusionRanges(leafIndex: number, treeSize: number): LeafRange[] {
  checkPlace(leafIndex, treeSize)
  const ranges: LeafRange[] = []
  let [from, to] = [0, treeSize]
  while (to - from > 1) {
    const middle = from + splitOf(to - from)
    const isLeft = leafIndex < middle
    ranges.push(isLeft ? { from: middle, to } : { from, to: middle })
    ;[from, to] = isLeft ? [from, middle] : [middle, to]
  }
  return ranges.reverse()
}

/**
 * The leaves under each hash of a consistency proof, in the proof's order (RFC 9162 section 2.1.4.1).
 *
 * @throws {@link AmcError} `proof/malformed` if the old size is zero or beyond the new one.
 */
export function consistencyRanges(oldSize: number, newSize: number): LeafRange[] {
  if (!Number.isSafeInteger(oldSize) || !Number.isSafeInteger(newSize))
    throw malformedProof("a size is not a safe integer")
  if (oldSize < 1 || oldSize > newSize) throw malformedProof("old size is outside the tree")
  const ranges: LeafRange[] = []
  let [from, to] = [0, newSize]
  while (to !== oldSize) {
    const middle = from + splitOf(to - from)
    const isLeft = oldSize <= middle
    ranges.push(isLeft ? { from: middle, to } : { from, to: middle })
    ;[from, to] = isLeft ? [from, middle] : [middle, to]
  }
  // What is left ends where the old tree does. If it is all of the old tree, the verifier has its root.
  if (from > 0) ranges.push({ from, to })
  return ranges.reverse()
}

/** The complete subtrees that a tree, or a part of one that begins where it splits, is made of; largest first. */
export function subtreesOf({ from, to }: LeafRange): Subtree[] {
  const found: Subtree[] = []
  let at = from
  for (let height = 52; height >= 0; height--) {
    const width = 2 ** height
    if (to - at < width) continue
    found.push({ height, index: at / width })
    at += width
  }
  return found
}

/** The root over the roots of {@link subtreesOf}, in that order; there must be at least one. */
export function joinSubtrees(roots: readonly Digest[]): Digest {
  return roots.reduceRight((right, left) => hashNode(left, right))
}
