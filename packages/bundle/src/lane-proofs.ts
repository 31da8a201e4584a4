import {
  canonicalize,
  type Digest,
  fromBase64,
  levelsOf,
  malformed,
  parseCanonical,
  pathInLevels,
  toBase64,
} from "@amc/core"
import { z } from "zod"

/** Where a leaf is in the tree, and the path from it to the root. */
export interface LeafProof {
  readonly index: number
  readonly path: readonly Digest[]
}

const schema = z.strictObject({
  leaves: z.array(
    z.strictObject({
      index: z.int().min(0).max(Number.MAX_SAFE_INTEGER),
      path: z.array(z.string().length(44)).max(53),
    }),
  ),
})

/** The canonical JSON of a lane's proofs, which must be in the order of their indices. */
export function encodeProofs(proofs: readonly LeafProof[]): Uint8Array {
  checkOrder(proofs)
  return canonicalize({
    leaves: proofs.map(({ index, path }) => ({ index, path: path.map(toBase64) })),
  })
}

/**
 * Reads a lane's proofs. They are claims: compute the root that each leads to and compare it with a
 * checkpoint that a trusted key signed.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export function parseProofs(bytes: Uint8Array): readonly LeafProof[] {
  const parsed = schema.safeParse(parseCanonical(bytes))
  if (!parsed.success) throw malformed("proofs break their schema")
  const proofs = parsed.data.leaves.map(({ index, path }) => ({ index, path: path.map(readNode) }))
  checkOrder(proofs)
  return proofs
}

/**
 * Proofs of some leaves in the tree of all these leaf hashes (RFC 9162 section 2.1.3.1), whose tree is
 * built once for all of them.
 *
 * @throws {@link AmcError} `input/malformed` for an index outside the tree
 */
export function proveLeaves(
  leafHashes: readonly Digest[],
  indices: readonly number[],
): LeafProof[] {
  const levels = levelsOf(leafHashes)
  return indices.map((index) => {
    if (leafHashes[index] === undefined) throw malformed("the leaf to prove is outside the tree")
    return { index, path: pathInLevels(levels, index) }
  })
}

function readNode(text: string): Digest {
  const node = fromBase64(text)
  if (node.length !== 32) throw malformed("a proof holds a hash that is not 32 bytes")
  return node
}

function checkOrder(proofs: readonly LeafProof[]): void {
  if (proofs.some(({ index }, at) => at > 0 && index <= (proofs[at - 1] as LeafProof).index))
    throw malformed("proofs are not in order of distinct indices")
}
