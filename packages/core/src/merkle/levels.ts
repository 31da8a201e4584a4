import type { Digest } from "../digest.ts"
import { hashNode } from "./hash.ts"

/**
 * Rows of node hashes from the leaves to the root, each node hashed once: for the paths of many leaves of one tree.
 * The odd last node of a row rises unhashed.
 */
export type TreeLevels = readonly (readonly Digest[])[]

export function levelsOf(leafHashes: readonly Digest[]): TreeLevels {
  const levels = [leafHashes]
  for (let row = leafHashes; row.length > 1; levels.push(row)) row = parentsOf(row)
  return levels
}

function parentsOf(row: readonly Digest[]): Digest[] {
  const parents: Digest[] = []
  for (let at = 0; at < row.length; at += 2) {
    const [left, right] = [row[at] as Digest, row[at + 1]]
    parents.push(right === undefined ? left : hashNode(left, right))
  }
  return parents
}
