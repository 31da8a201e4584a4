import type { Digest } from "./digest.ts"
import { encodeEntries } from "./entry-bundle.ts"
import { emptyRoot, hashLeaf } from "./merkle/hash.ts"
import { joinSubtrees, subtreesOf } from "./merkle/subtree.ts"
import { rootOf } from "./merkle/tree.ts"
import { encodeTile, levelWidth, type TileName, tileWidth } from "./tile.ts"

/** A tile or entry bundle with its bytes. */
export interface TileFile {
  readonly name: TileName
  readonly bytes: Uint8Array
}

/** The right edge of a tree: what is in its partial tiles. */
export interface TileEdge {
  readonly size: number
  /** The leaves of the partial entry bundle. */
  readonly entries: readonly Uint8Array[]
  /** The hashes of the partial tile of each level, from level 0. */
  readonly levels: readonly (readonly Digest[])[]
}

/**
 * Grows a tree leaf by leaf and gives each tile when it is full (C2SP tlog-tiles). It holds the right edge
 * alone: at most 255 leaves, and 255 hashes a level.
 */
export class TileFrontier {
  readonly #levels: Digest[][]
  #entries: Uint8Array[]
  #size: number

  /** @param edge where to go on; the caller vouches that it is of one tree */
  constructor({ size, entries, levels }: TileEdge = { size: 0, entries: [], levels: [] }) {
    this.#size = size
    this.#entries = [...entries]
    this.#levels = levels.map((hashes) => [...hashes])
  }

  /** Number of leaves. */
  get size(): number {
    return this.#size
  }

  /** Takes the next leaf, and gives what it made full: the entry bundle, then the tiles from level 0 up. */
  add(leaf: Uint8Array): readonly TileFile[] {
    this.#size++
    this.#entries.push(leaf)
    let hash = hashLeaf(leaf)
    for (let level = 0; ; level++) {
      const hashes = (this.#levels[level] ??= [])
      hashes.push(hash)
      if (hashes.length < tileWidth) return level === 0 ? [] : this.#fullUpTo(level)
      hash = rootOf(hashes)
    }
  }

  /** The tiles and the entry bundle at the right edge that are not full. */
  partials(): readonly TileFile[] {
    const found: TileFile[] = []
    if (this.#entries.length > 0) found.push(this.#bundle())
    for (const [level, hashes] of this.#levels.entries())
      if (hashes.length > 0) found.push(this.#tile(level))
    return found
  }

  /** The root of the tree of all leaves so far. */
  root(): Digest {
    if (this.#size === 0) return emptyRoot
    const peaks = this.#levels.toReversed().flatMap((hashes) =>
      subtreesOf({ from: 0, to: hashes.length }).map(({ height, index }) => {
        const width = 2 ** height
        return rootOf(hashes.slice(index * width, (index + 1) * width))
      }),
    )
    return joinSubtrees(peaks)
  }

  /** What is full below a level, which is then empty. */
  #fullUpTo(level: number): readonly TileFile[] {
    const full = [this.#bundle(), ...Array.from({ length: level }, (_, below) => this.#tile(below))]
    this.#entries = []
    for (let below = 0; below < level; below++) this.#levels[below] = []
    return full
  }

  #bundle(): TileFile {
    return { name: this.#name("entries"), bytes: encodeEntries(this.#entries) }
  }

  #tile(level: number): TileFile {
    return { name: this.#name(level), bytes: encodeTile(this.#levels[level] ?? []) }
  }

  #name(level: TileName["level"]): TileName {
    const depth = level === "entries" ? 0 : level
    const width = this.#levels[depth]?.length ?? 0
    return { level, index: Math.ceil(levelWidth(this.#size, depth) / tileWidth) - 1, width }
  }
}
