import { concatBytes } from "../bytes.ts"
import { type Digest, sha256 } from "../digest.ts"

const LEAF = Uint8Array.of(0)
const NODE = Uint8Array.of(1)
const node = new Uint8Array(65)
node.set(NODE)
const leaf = new Uint8Array(1 + 0xffff)
leaf.set(LEAF)

/** The root of the tree without leaves (RFC 9162 section 2.1.1). Not to be written to. */
export const emptyRoot: Digest = sha256(new Uint8Array(0))

/** The hash of a leaf (RFC 9162 section 2.1.1); for an event, its `event_hash`. */
export function hashLeaf(data: Uint8Array): Digest {
  if (data.length >= leaf.length) return sha256(concatBytes(LEAF, data))
  // Bytes that get no memory of their own are hashed sooner; an entry bundle has none that are longer.
  leaf.set(data, 1)
  return sha256(leaf.subarray(0, 1 + data.length))
}

/** The hash of an inner node. Its prefix differs from a leaf's, so no node can be passed off as a leaf. */
export function hashNode(left: Digest, right: Digest): Digest {
  if (left.length !== 32 || right.length !== 32) return sha256(concatBytes(NODE, left, right))
  // Trees are made of these alone, and one place for all of them is faster than one each.
  node.set(left, 1)
  node.set(right, 33)
  return sha256(node)
}
