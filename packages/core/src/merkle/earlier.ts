import type { Digest } from "../digest.ts"
import { hashNode } from "./hash.ts"
import type { InclusionProof } from "./inclusion.ts"
import { inclusionRanges } from "./subtree.ts"

/**
 * The root that the tree had when this leaf was its last, by the hashes to the left of its path: they are all of that
 * tree, and are in the larger one too. So this proves what a consistency proof does (RFC 9162 section 2.1.4).
 *
 * The proof must lead to a root that is trusted (`verifyInclusion`); of any other, this says nothing.
 *
 * @throws {@link AmcError} `proof/malformed` if there is no such leaf.
 */
export function earlierRoot(
  leafHash: Digest,
  { leafIndex, treeSize, path }: InclusionProof,
): Digest {
  return inclusionRanges(leafIndex, treeSize).reduce(
    (root, { to }, at) => (to <= leafIndex ? hashNode(path[at] as Digest, root) : root),
    leafHash,
  )
}
