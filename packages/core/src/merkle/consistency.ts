import { equalBytes } from "../bytes.ts"
import type { Digest } from "../digest.ts"
import { hashNode } from "./hash.ts"
import { half } from "./shape.ts"
import { consistencyRanges } from "./subtree.ts"
import { rootOf } from "./tree.ts"

/** The claim that a tree is another tree with leaves appended, and the path that shows it. */
export interface ConsistencyProof {
  readonly oldSize: number
  readonly newSize: number
  readonly oldRoot: Digest
  readonly newRoot: Digest
  readonly path: readonly Digest[]
}

/**
 * The path that proves that the tree of these leaf hashes extends the tree of the first `oldSize` of
 * them (RFC 9162 section 2.1.4.1). Empty if the sizes are equal.
 *
 * @throws {@link AmcError} `proof/malformed` if the old size is zero or beyond the leaves.
 */
export function consistencyPath(leafHashes: readonly Digest[], oldSize: number): Digest[] {
  return consistencyRanges(oldSize, leafHashes.length).map(({ from, to }) =>
    rootOf(leafHashes.slice(from, to)),
  )
}

/**
 * Whether the new tree extends the old one (RFC 9162 section 2.1.4.2). The roots must be those of
 * checkpoints whose signatures you have verified. Total: a proof that does not fit is a `false`.
 *
 * An old tree without leaves is a `false` too. Every tree extends it, so there is nothing to prove, and
 * a caller who has seen no checkpoint yet must say so instead of holding a proof.
 */
export function verifyConsistency(proof: ConsistencyProof): boolean {
  const { oldSize, newSize, oldRoot, newRoot, path } = proof
  if (!Number.isSafeInteger(oldSize) || !Number.isSafeInteger(newSize)) return false
  if (oldSize < 1 || oldSize > newSize) return false
  if (oldSize === newSize) return path.length === 0 && equalBytes(oldRoot, newRoot)
  return [oldRoot, ...path].every(({ length }) => length === 32) && leadsToBothRoots(proof)
}

function leadsToBothRoots({ oldSize, newSize, oldRoot, newRoot, path }: ConsistencyProof): boolean {
  let [node, last] = [oldSize - 1, newSize - 1]
  while (node % 2 === 1) [node, last] = [half(node), half(last)]
  // The old tree is a node of the new one if its size is a power of two; the path then leaves it out.
  const [start, ...siblings] = node === 0 ? [oldRoot, ...path] : path
  if (start === undefined) return false
  let [older, newer] = [start, start]
  for (const sibling of siblings) {
    if (last === 0) return false
    if (node % 2 === 1 || node === last) {
      older = hashNode(sibling, older)
      newer = hashNode(sibling, newer)
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)]
    } else {
      newer = hashNode(newer, sibling)
    }
    ;[node, last] = [half(node), half(last)]
  }
  return last === 0 && equalBytes(older, oldRoot) && equalBytes(newer, newRoot)
}
