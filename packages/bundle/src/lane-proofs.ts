import {
  canonicalize,
  type Digest,
  fromBase64,
  malformed,
  parseCanonical,
  toBase64,
  type TreePart,
} from "@amc/core"
import { z } from "zod"

/** Of how many earlier trees a bundle tells the roots, at most. */
export const earlierTreesMax = 1024

const place = z.int().min(0).max(Number.MAX_SAFE_INTEGER)
const schema = z.strictObject({
  hashes: z.array(z.string().length(44)),
  indices: z.array(place),
  sizes: z.array(place).max(earlierTreesMax),
})

/** The canonical JSON of the part of the tree that a lane's leaves are. */
export function encodeProofs({ hashes, indices, sizes }: TreePart): Uint8Array {
  return canonicalize({ hashes: hashes.map(toBase64), indices, sizes })
}

/**
 * Reads a lane's part of the tree. It is a claim: compute the root that it leads to and compare it with a checkpoint that
 * a trusted key signed.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export function parseProofs(bytes: Uint8Array): TreePart {
  const parsed = schema.safeParse(parseCanonical(bytes))
  if (!parsed.success) throw malformed("proofs break their schema")
  const { hashes, indices, sizes } = parsed.data
  return { hashes: hashes.map(readNode), indices, sizes }
}

function readNode(text: string): Digest {
  const node = fromBase64(text)
  if (node.length !== 32) throw malformed("a proof holds a hash that is not 32 bytes")
  return node
}
