import type { Digest } from "../digest.ts"
import { hashNode } from "./hash.ts"
import { levelsOf, type TreeLevels } from "./levels.ts"
import { malformedProof, splitOf } from "./shape.ts"

/** Some leaves of a tree by their places, and the fewest hashes that give its root together with theirs. */
export interface TreePart {
  /** Where the leaves are, ascending. */
  readonly indices: readonly number[]
  /** Sizes that the tree had before, ascending, of which the part tells the root too. */
  readonly sizes: readonly number[]
  /** From left to right, one for each largest subtree that has no such leaf and in which no such size ends. */
  readonly hashes: readonly Digest[]
}

/**
 * The part of the tree of these leaf hashes that has these leaves, and tells the roots of these earlier sizes.
 *
 * @throws {@link AmcError} `proof/malformed` for places or sizes outside the tree, or out of order
 */
export function treePartOf(
  leafHashes: readonly Digest[],
  { indices, sizes }: Pick<TreePart, "indices" | "sizes">,
): TreePart {
  const levels = levelsOf(leafHashes)
  const hashes: Digest[] = []
  const walk = new Walk({ indices, sizes }, leafHashes.length, {
    leaf: (at) => leafHashes[at] as Digest,
    beside: (from, to) => {
      const hash = hashIn(levels, from, to)
      hashes.push(hash)
      return hash
    },
  })
  walk.roots([])
  return { indices, sizes, hashes }
}

/** The root over a range at which RFC 9162 splits the tree: what is not complete is the end of its row. */
function hashIn(levels: TreeLevels, from: number, to: number): Digest {
  let [height, at] = [0, from]
  for (let width = 1; width < to - from; width *= 2, height++) at /= 2
  return levels[height]?.[at] as Digest
}

/**
 * The roots that a part and the hashes of its leaves lead to, by size: the tree's own; those of the part's earlier
 * sizes, of which its hashes prove what a consistency proof does (RFC 9162 section 2.1.4); and of other sizes that are
 * asked for those that end before or after one of its leaves.
 *
 * They are claims: compare the tree's own with a checkpoint that was verified. If it is that, all others hold too.
 *
 * @throws {@link AmcError} `proof/malformed` if the part does not fit its leaves and the tree's size
 */
export function rootsOfPart(
  leafHashes: readonly Digest[],
  part: TreePart,
  treeSize: number,
  asked: Iterable<number> = [],
): ReadonlyMap<number, Digest> {
  if (leafHashes.length !== part.indices.length)
    throw malformedProof("the part has other leaves than these")
  let next = 0
  const walk = new Walk(part, treeSize, {
    leaf: (_, nth) => leafHashes[nth] as Digest,
    beside: () => {
      const hash = part.hashes[next++]
      if (hash?.length !== 32) throw malformedProof("the part lacks a hash")
      return hash
    },
  })
  const roots = walk.roots(asked)
  if (next !== part.hashes.length) throw malformedProof("the part has hashes to spare")
  return roots
}

interface Source {
  /** The hash of the leaf at a place, which is the part's nth. */
  leaf(at: number, nth: number): Digest
  /** The root over leaves of which none is in the part. */
  beside(from: number, to: number): Digest
}

/** Goes over a tree from left to right, down to what a part names. */
class Walk {
  readonly #part: Pick<TreePart, "indices" | "sizes">
  readonly #treeSize: number
  readonly #source: Source
  #leaf = 0
  #size = 0
  /** Sizes whose roots are wanted, ascending. */
  #wanted: readonly number[] = []
  /** By size, the root over the leaves from where the range at hand begins. */
  readonly #roots = new Map<number, Digest>()

  constructor(part: Pick<TreePart, "indices" | "sizes">, treeSize: number, source: Source) {
    if (!Number.isSafeInteger(treeSize) || treeSize < 1)
      throw malformedProof("the tree has no leaves")
    checkAscending(part.indices, 0, treeSize - 1)
    checkAscending(part.sizes, 1, treeSize)
    this.#part = part
    this.#treeSize = treeSize
    this.#source = source
  }

  roots(asked: Iterable<number>): ReadonlyMap<number, Digest> {
    const wanted = new Set([...asked, ...this.#part.sizes, this.#treeSize])
    this.#wanted = [...wanted].sort((a, b) => a - b)
    this.#read(0, this.#treeSize)
    return this.#roots
  }

  #read(from: number, to: number): Digest {
    const hash = this.#isSplit(from, to) ? this.#split(from, to) : this.#end(from, to)
    if (this.#wanted[this.#wantedFrom(to)] === to) this.#roots.set(to, hash)
    return hash
  }

  #end(from: number, to: number): Digest {
    if (this.#part.indices[this.#leaf] !== from) return this.#source.beside(from, to)
    return this.#source.leaf(from, this.#leaf++)
  }

  #split(from: number, to: number): Digest {
    const middle = from + splitOf(to - from)
    const left = this.#read(from, middle)
    const right = this.#read(middle, to)
    for (let at = this.#wantedFrom(middle + 1); (this.#wanted[at] ?? to) < to; at++) {
      const size = this.#wanted[at] as number
      const root = this.#roots.get(size)
      if (root !== undefined) this.#roots.set(size, hashNode(left, root))
    }
    return hashNode(left, right)
  }

  /** Whether there is something in the range that must be told apart. */
  #isSplit(from: number, to: number): boolean {
    while ((this.#part.sizes[this.#size] ?? to) <= from) this.#size++
    if (to - from === 1) return false
    return (this.#part.indices[this.#leaf] ?? to) < to || (this.#part.sizes[this.#size] ?? to) < to
  }

  /** Where the first wanted size is that is not below this one. */
  #wantedFrom(size: number): number {
    let [low, high] = [0, this.#wanted.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#wanted[middle] as number) < size) low = middle + 1
      else high = middle
    }
    return low
  }
}

function checkAscending(numbers: readonly number[], from: number, to: number): void {
  let least = from
  for (const number of numbers) {
    if (!Number.isSafeInteger(number) || number < least || number > to)
      throw malformedProof("places or sizes of the part are outside the tree or out of order")
    least = number + 1
  }
}
