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

/**
 * The path of a leaf in the tree, as {@link inclusionPath} gives it, of nodes or what was made of each. The caller knows that there
 * is such a leaf.
 */
export function pathInLevels<T>(levels: readonly (readonly T[])[], index: number): T[] {
  return levels.flatMap((row, height) => {
    const node = Math.floor(index / 2 ** height)
    return row[node % 2 === 0 ? node + 1 : node - 1] ?? []
  })
}
