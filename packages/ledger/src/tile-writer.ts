import {
  AmcError,
  type Checkpoint,
  equalBytes,
  isFault,
  levelWidth,
  parseTile,
  partialTilesPath,
  type TileFile,
  TileFrontier,
  tilePath,
  tileWidth,
  utf8,
} from "@amc/core"
import type { EventStore } from "./event-store.ts"
import { readPublished } from "./tile-reader.ts"
import { checkpointPath, type TileStore } from "./tile-store.ts"

/** Of what tiles are made, and where they are put. */
export interface TileTerms {
  readonly events: Pick<EventStore, "read">
  readonly tiles: TileStore
  /** The one lane whose order is the tree's. */
  readonly lane: string
}

/**
 * Grows the published tree up to each new checkpoint. Needs the memory of one entry bundle, and leaves behind
 * a published tree whenever it stops: the checkpoint is written after all its tiles.
 *
 * There must be one writer at a time: whoever holds the lane.
 */
export class TileWriter {
  readonly #terms: TileTerms
  #frontier: TileFrontier | null = null

  constructor(terms: TileTerms) {
    this.#terms = terms
  }

  /**
   * Writes the tiles of the tree that a checkpoint covers, and then its note. Full tiles are written once, and
   * never written over; what an earlier try left behind is used if it is right.
   *
   * @throws {@link AmcError} `store/damaged` if what is there, or what the store holds, is not of the
   * checkpoint's tree; `store/unavailable`
   */
  async publish({ size, root }: Pick<Checkpoint, "size" | "root">, note: string): Promise<void> {
    const frontier = this.#frontier ?? (await this.#reopen())
    // Whatever goes wrong from here on, only the files know how far it got.
    this.#frontier = null
    if (frontier.size > size)
      throw new AmcError("store/damaged", `tiles of ${frontier.size} events are published already`)
    const superseded = await this.#growTo(frontier, size)
    if (!equalBytes(frontier.root(), root))
      throw new AmcError("store/damaged", "the tiles are not of the tree that was signed")
    await this.#put(frontier.partials())
    await this.#terms.tiles.write(checkpointPath, utf8(note))
    for (const folder of superseded) await this.#terms.tiles.removeFolder(folder)
    this.#frontier = frontier
  }

  async #growTo(frontier: TileFrontier, size: number): Promise<readonly string[]> {
    const superseded: string[] = []
    for await (const leaf of leavesOf(this.#terms, frontier.size, size))
      superseded.push(...(await this.#put(frontier.add(leaf))))
    return superseded
  }

  /** All at once, since none needs another; gives the folders of what full ones supersede. */
  async #put(files: readonly TileFile[]): Promise<readonly string[]> {
    await Promise.all(files.map((file) => putTile(this.#terms.tiles, file)))
    return files.map(({ name }) => partialTilesPath(name))
  }

  async #reopen(): Promise<TileFrontier> {
    const published = await readPublished(this.#terms.tiles)
    if (published === null) return new TileFrontier()
    const frontier = await openFrontier(this.#terms, published.size)
    if (equalBytes(frontier.root(), published.root)) return frontier
    throw new AmcError("store/damaged", "the tiles are not those of the published checkpoint", {
      hint: "see 'amc ledger fsck'",
    })
  }
}

/**
 * Writes whichever tiles of the tree of the first `size` leaves are missing, and nothing else: what is
 * there stays as it is, right or wrong. Gives the paths that were written.
 *
 * @throws {@link AmcError} `store/unavailable`
 */
export async function writeMissingTiles(
  terms: TileTerms,
  size: number,
): Promise<readonly string[]> {
  const written: string[] = []
  const putMissing = async ({ name, bytes }: TileFile): Promise<void> => {
    const path = tilePath(name)
    if (await isThere(terms.tiles, path)) return
    await terms.tiles.write(path, bytes)
    written.push(path)
  }
  const frontier = new TileFrontier()
  for await (const leaf of leavesOf(terms, 0, size))
    for (const full of frontier.add(leaf)) await putMissing(full)
  for (const partial of frontier.partials()) await putMissing(partial)
  return written
}

/** Whatever it is: only what is missing is written. */
async function isThere(tiles: TileStore, path: string): Promise<boolean> {
  try {
    return (await tiles.read(path)) !== null
  } catch (error) {
    if (isFault(error, "store/damaged")) return true
    throw error
  }
}

/** What is there already must be the same. @throws {@link AmcError} `store/damaged` */
async function putTile(tiles: TileStore, { name, bytes }: TileFile): Promise<void> {
  const path = tilePath(name)
  const found = await tiles.read(path)
  if (found === null) return tiles.write(path, bytes)
  if (!equalBytes(found, bytes))
    throw new AmcError("store/damaged", `${path} is not the tile that the events make`, {
      hint: "see 'amc ledger fsck'",
    })
}

/** The edge at a size: its leaves from the store, the hashes above them from the tiles. */
async function openFrontier(terms: TileTerms, size: number): Promise<TileFrontier> {
  const start = size - (size % tileWidth)
  const levels: Uint8Array[][] = [[]]
  for (let level = 1; levelWidth(size, level) > 0; level++)
    levels.push(await edgeHashes(terms.tiles, level, levelWidth(size, level)))
  const frontier = new TileFrontier({ size: start, entries: [], levels })
  for await (const leaf of leavesOf(terms, start, size)) frontier.add(leaf)
  return frontier
}

async function edgeHashes(tiles: TileStore, level: number, width: number): Promise<Uint8Array[]> {
  const rest = width % tileWidth
  if (rest === 0) return []
  const index = Math.floor(width / tileWidth)
  const path = tilePath({ level, index, width: rest })
  const bytes =
    (await tiles.read(path)) ?? (await tiles.read(tilePath({ level, index, width: tileWidth })))
  if (bytes === null)
    throw new AmcError("store/damaged", `${path} is not there`, {
      hint: "write it again with 'amc ledger fsck --rebuild-tiles'",
    })
  return parseTile(bytes.subarray(0, rest * 32), rest)
}

async function* leavesOf(
  { events, lane }: TileTerms,
  from: number,
  to: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (from >= to) return
  let next = from
  for await (const { leaf, lseq } of events.read(lane, from, to - 1)) {
    if (lseq !== next++) break
    yield leaf
  }
  if (next < to)
    throw new AmcError("store/damaged", `the ledger lacks event ${next}, which is to be published`)
}
