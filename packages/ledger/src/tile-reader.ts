import {
  AmcError,
  consistencyRanges,
  type Digest,
  emptyRoot,
  hashNode,
  inclusionRanges,
  isFault,
  joinSubtrees,
  type LeafRange,
  parseCheckpoint,
  parseEntries,
  parseNote,
  parseTile,
  type Subtree,
  subtreesOf,
  tileOfSubtree,
  type TileName,
  tilePath,
  tileWidth,
  widthOfTile,
  type Checkpoint,
} from "@amc/core"
import { checkpointPath, type TileStore } from "./tile-store.ts"

/** A checkpoint as it is published beside the tiles. */
export interface PublishedCheckpoint extends Checkpoint {
  readonly note: string
}

/** Of the tiles that were read last, this many are kept: 16 KiB each at most. */
const cacheMax = 256

/**
 * The published checkpoint, or null if there is none. Its signatures are not verified here.
 *
 * @throws {@link AmcError} `store/damaged`, `store/unavailable`
 */
export async function readPublished(tiles: TileStore): Promise<PublishedCheckpoint | null> {
  const bytes = await tiles.read(checkpointPath)
  if (bytes === null) return null
  try {
    const note = new TextDecoder("utf-8", { fatal: true }).decode(bytes)
    return { ...parseCheckpoint(parseNote(note).text), note }
  } catch (cause) {
    if (!isFault(cause) && !(cause instanceof TypeError)) throw cause
    throw new AmcError("store/damaged", "the published checkpoint can't be read", { cause })
  }
}

/**
 * Proofs and leaves of a ledger from its tiles alone, as anybody reads them who has only the files. What
 * it gives is a claim: verify it against a signed checkpoint.
 *
 * Every method throws {@link AmcError} `store/damaged` for a tile that is missing or of a wrong size, and
 * `store/unavailable`.
 */
export class TileReader {
  readonly size: number
  readonly #tiles: TileStore
  readonly #cache = new Map<string, Promise<OpenTile>>()

  /** @param size of a tree whose tiles were published */
  constructor(tiles: TileStore, size: number) {
    this.#tiles = tiles
    this.size = size
  }

  /** The root of the tree of the first leaves; of all, if no number is named. */
  async root(size: number = this.size): Promise<Digest> {
    return size === 0 ? emptyRoot : this.#rootOver({ from: 0, to: size })
  }

  /** The path that proves a leaf. @throws {@link AmcError} `proof/malformed` if there is no such leaf */
  inclusion(index: number): Promise<Digest[]> {
    return this.#hashes(inclusionRanges(index, this.size))
  }

  /** The path that proves that the tree extends an older one. @throws {@link AmcError} `proof/malformed` */
  consistency(oldSize: number): Promise<Digest[]> {
    return this.#hashes(consistencyRanges(oldSize, this.size))
  }

  /** The leaf of an index. @throws {@link AmcError} `proof/malformed` if there is no such leaf */
  async leaf(index: number): Promise<Uint8Array> {
    // Says that it is outside of the tree as everything here says it.
    inclusionRanges(index, this.size)
    const entries = await this.entries(Math.floor(index / tileWidth))
    return entries[index % tileWidth] as Uint8Array
  }

  /** The leaves of one entry bundle, as far as they are in the tree. */
  async entries(bundle: number): Promise<readonly Uint8Array[]> {
    const place = { level: "entries", index: bundle } as const
    const { bytes, path } = await this.#read(place)
    const own = widthOfTile(place, this.size)
    const leaves = damagedUnless(path, () => parseEntries(bytes)).slice(0, own)
    if (leaves.length < own) throw damaged(path, "is cut short")
    return leaves
  }

  #hashes(ranges: readonly LeafRange[]): Promise<Digest[]> {
    return Promise.all(ranges.map((range) => this.#rootOver(range)))
  }

  async #rootOver(range: LeafRange): Promise<Digest> {
    return joinSubtrees(await Promise.all(subtreesOf(range).map((each) => this.#subtree(each))))
  }

  async #subtree(subtree: Subtree): Promise<Digest> {
    const { level, index, from, to } = tileOfSubtree(subtree)
    return (await this.#tile(level, index)).root(from, to)
  }

  #tile(level: number, index: number): Promise<OpenTile> {
    const key = `${level}/${index}`
    const known = this.#cache.get(key)
    this.#cache.delete(key)
    const tile = known ?? this.#readTile(level, index)
    this.#cache.set(key, tile)
    const [oldest] = this.#cache.keys()
    if (this.#cache.size > cacheMax && oldest !== undefined) this.#cache.delete(oldest)
    return tile
  }

  async #readTile(level: number, index: number): Promise<OpenTile> {
    const { bytes, path, width } = await this.#read({ level, index })
    return new OpenTile(damagedUnless(path, () => parseTile(bytes, width)))
  }

  /** A partial tile may have been superseded by the full one. */
  async #read(place: Omit<TileName, "width">): Promise<{
    readonly bytes: Uint8Array
    readonly path: string
    readonly width: number
  }> {
    const own = widthOfTile(place, this.size)
    for (const width of new Set([own, tileWidth])) {
      const path = tilePath({ ...place, width })
      const bytes = await this.#tiles.read(path)
      if (bytes !== null) return { bytes, path, width }
    }
    throw damaged(tilePath({ ...place, width: own }), "is not there")
  }
}

/** A tile with the nodes above its hashes, each of which is made once. */
class OpenTile {
  readonly #rows: (readonly Digest[])[]

  constructor(hashes: readonly Digest[]) {
    this.#rows = [hashes]
  }

  /** The root over hashes of which there are 1, 2, 4 … and that begin at a multiple of that. */
  root(from: number, to: number): Digest {
    const height = Math.log2(to - from)
    for (let at = this.#rows.length; at <= height; at++)
      this.#rows.push(parentsOf(this.#rows[at - 1] ?? []))
    return this.#rows[height]?.[from / (to - from)] as Digest
  }
}

function parentsOf(row: readonly Digest[]): readonly Digest[] {
  return Array.from({ length: Math.floor(row.length / 2) }, (_, at) =>
    hashNode(row[2 * at] as Digest, row[2 * at + 1] as Digest),
  )
}

function damagedUnless<T>(path: string, parse: () => T): T {
  try {
    return parse()
  } catch (cause) {
    if (!isFault(cause, "input/malformed")) throw cause
    throw damaged(path, cause.message, cause)
  }
}

function damaged(path: string, why: string, cause?: unknown): AmcError {
  return new AmcError("store/damaged", `${path}: ${why}`, {
    cause,
    hint: "see 'amc ledger fsck'; it writes missing tiles again with --rebuild-tiles",
  })
}
