import { equalBytes } from "../bytes.ts"
import type { Digest } from "../digest.ts"
import { isFault } from "../errors.ts"
import { hashNode } from "./hash.ts"
import { checkPlace, half, malformedProof } from "./shape.ts"
import { inclusionRanges } from "./subtree.ts"
import { rootOf } from "./tree.ts"

/** The path from one leaf to the root of a tree of a given size. */
export interface InclusionProof {
  readonly leafIndex: number
  readonly treeSize: number
  readonly path: readonly Digest[]
}

/**
 * The path that proves the leaf at `index` in the tree of these leaf hashes (RFC 9162 section 2.1.3.1).
 *
 * @throws {@link AmcError} `proof/malformed` if there is no such leaf.
 */
export function inclusionPath(leafHashes: readonly Digest[], index: number): Digest[] {
  return inclusionRanges(index, leafHashes.length).map(({ from, to }) =>
    rootOf(leafHashes.slice(from, to)),
  )
}

/**
 * Recomputes the root that an inclusion proof leads to (RFC 9162 section 2.1.3.2).
 *
 * The result is only a claim: compare it with the root of a checkpoint whose signature you have
 * verified. The proof is attacker-controlled, so every path through here is total or throws.
 *
 * @throws {@link AmcError} `proof/malformed` if the path does not fit the index and the size.
 */
export function rootFromInclusion(leafHash: Digest, proof: InclusionProof): Digest {
  const { leafIndex, treeSize, path } = proof
  checkPlace(leafIndex, treeSize)
  if ([leafHash, ...path].some(({ length }) => length !== 32))
    throw malformedProof("proof holds a hash that is not 32 bytes")
  let [node, last, root] = [leafIndex, treeSize - 1, leafHash]
  for (const sibling of path) {
    if (last === 0) throw malformedProof("path is longer than the tree is high")
    if (node % 2 === 1 || node === last) {
      root = hashNode(sibling, root)
      // A node on the right edge without a sibling rises unhashed to the next level that has one.
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)]
    } else {
      root = hashNode(root, sibling)
    }
    ;[node, last] = [half(node), half(last)]
  }
  if (last !== 0) throw malformedProof("path ends below the root")
  return root
}

/** Whether a proof leads from a leaf hash to this root. A malformed proof does not. */
export function verifyInclusion(leafHash: Digest, proof: InclusionProof, root: Digest): boolean {
  try {
    return equalBytes(rootFromInclusion(leafHash, proof), root)
  } catch (error) {
    if (isFault(error, "proof/malformed")) return false
    throw error
  }
}
