import {
  encodeEntries,
  entrySizeMax,
  equalBytes,
  isFault,
  parseEntries,
  parseTilePath,
  partialTilesOf,
  partialTilesPath,
  text,
  type TileFile,
  TileFrontier,
  type TileName,
  tilePath,
  tileWidth,
} from "@amc/core"
import { type CheckpointTerms, openCheckpoint } from "./checkpoint-list.ts"
import type { FindingList } from "./finding-list.ts"
import type { NumberedCheckpoint } from "./tree-check.ts"

/** The published tiles as the caller reads them, by their paths (C2SP tlog-tiles). Of what it throws, `store/damaged` is a finding; all else goes through. */
export interface TileSource {
  read(path: string): Promise<Uint8Array | null>
  /** The paths of the files in a folder and those under it; of all files if none is named. */
  list(folder?: string): AsyncIterable<string>
}

/** What was compared of the published tiles. */
export interface TileSummary {
  /** How many events the published checkpoint covers; null if none is published. */
  readonly published: number | null
  /** How many tiles and entry bundles were read. */
  readonly tiles: number
}

/**
 * Compares the published tiles with those that the ledger's leaves make, beside the walk over them. A ledger
 * that grows meanwhile, or whose writer was killed, has more or less than its checkpoint needs; neither
 * is a finding.
 */
export class TileCheck {
  /** The published checkpoint, to be compared with the tree; none if there is none that counts. */
  readonly heads: readonly NumberedCheckpoint[]
  readonly #source: TileSource
  readonly #findings: FindingList
  readonly #furthest: Furthest
  readonly #frontier = new TileFrontier()
  readonly #published: number | null
  #tiles = 0
  #isGivenUp = false

  private constructor(
    source: TileSource,
    findings: FindingList,
    head: NumberedCheckpoint | null,
    furthest: Furthest,
  ) {
    this.#source = source
    this.#findings = findings
    this.heads = head === null ? [] : [head]
    this.#published = head?.size ?? null
    this.#furthest = furthest
  }

  /** Reads what is published. To be called before the leaves are read: a tile is never older than its leaves. */
  static async open(
    source: TileSource,
    terms: CheckpointTerms,
    findings: FindingList,
  ): Promise<TileCheck> {
    const head = await openPublished(source, terms, findings)
    return new TileCheck(source, findings, head, await furthestOf(source))
  }

  /** Takes the next leaf of the ledger. */
  async append(leaf: Uint8Array): Promise<void> {
    if (leaf.length > entrySizeMax) this.#giveUp()
    if (this.#isGivenUp) return
    for (const full of this.#frontier.add(leaf)) {
      await this.#compare(full, full.name)
      await this.#comparePartials(full)
    }
  }

  /** To be called after the last leaf. */
  async finish(): Promise<TileSummary> {
    const summary = { published: this.#published, tiles: this.#tiles }
    if (this.#isGivenUp) return summary
    for (const partial of this.#frontier.partials()) await this.#comparePartials(partial)
    for (const name of partialTilesOf(this.#published ?? 0))
      if (name.index * tileWidth ** (levelOf(name) + 1) < this.#frontier.size)
        await this.#requirePartial(name)
    const { path, end } = this.#furthest
    if (end > this.#frontier.size)
      this.#findings.add({
        code: "tiles/beyond-ledger",
        subject: path,
        detail: `it is of ${end} events, and the ledger has ${this.#frontier.size}`,
        tampered: true,
      })
    return { published: this.#published, tiles: this.#tiles }
  }

  /** No tile has room for such a leaf, so that none after it can be compared. */
  #giveUp(): void {
    if (!this.#isGivenUp)
      this.#findings.add({
        code: "tiles/leaf-too-long",
        subject: `event ${this.#frontier.size}`,
        detail: `no leaf of a ledger has more than ${entrySizeMax} bytes`,
        tampered: true,
      })
    this.#isGivenUp = true
  }

  async #compare({ bytes }: TileFile, name: TileName): Promise<void> {
    const path = tilePath(name)
    const found = await readOr(this.#source, path)
    if (found === null) return this.#missing(name, path)
    this.#tiles++
    if (found !== "damaged" && equalBytes(found, beginningOf({ name, bytes }))) return
    this.#findings.add({
      code: "tiles/contradicted",
      subject: path,
      detail: "it is not what the events of the ledger make",
      tampered: true,
    })
  }

  /** All that were published before the tile was as wide as it is now. */
  async #comparePartials({ name, bytes }: TileFile): Promise<void> {
    for await (const path of this.#source.list(partialTilesPath(name))) {
      const partial = nameOf(path)
      if (partial !== undefined && partial.width <= name.width)
        await this.#compare({ name, bytes }, partial)
    }
  }

  #missing(name: TileName, path: string): void {
    // A full tile that no checkpoint needs yet may come; a partial one that is gone was superseded.
    if (name.width < tileWidth || endOf(name) > (this.#published ?? 0)) return
    this.#findings.add({
      code: "tiles/missing",
      subject: path,
      detail: "the published checkpoint needs it, and it is not there",
      tampered: false,
    })
  }

  async #requirePartial(name: TileName): Promise<void> {
    const path = tilePath(name)
    const full = tilePath({ ...name, width: tileWidth })
    if ((await readOr(this.#source, path)) ?? (await readOr(this.#source, full))) return
    this.#findings.add({
      code: "tiles/missing",
      subject: path,
      detail: "the published checkpoint needs it or the full tile, and neither is there",
      tampered: false,
    })
  }
}

/** The tile that reaches furthest into the tree, and how far. */
interface Furthest {
  readonly path: string
  readonly end: number
}

async function furthestOf(source: TileSource): Promise<Furthest> {
  let furthest: Furthest = { path: "", end: 0 }
  for await (const path of source.list()) {
    const name = nameOf(path)
    if (name !== undefined && endOf(name) > furthest.end) furthest = { path, end: endOf(name) }
  }
  return furthest
}

async function openPublished(
  source: TileSource,
  terms: CheckpointTerms,
  findings: FindingList,
): Promise<NumberedCheckpoint | null> {
  const subject = "tiles/checkpoint"
  const bytes = await readOr(source, "checkpoint")
  if (bytes === null) return null
  if (bytes === "damaged") {
    const detail = "what lies in its place is no file that a checkpoint could be"
    findings.add({ code: "ledger/checkpoint", subject, detail, tampered: true })
    return null
  }
  const note = findings.attempt({ code: "ledger/checkpoint", subject, tampered: false }, () =>
    text(bytes),
  )
  return (note === undefined ? undefined : openCheckpoint(note, subject, terms, findings)) ?? null
}

/** What can't be a tile, such as a pipe, stands where one was. */
async function readOr(source: TileSource, path: string): Promise<Uint8Array | null | "damaged"> {
  try {
    return await source.read(path)
  } catch (error) {
    if (isFault(error, "store/damaged")) return "damaged"
    throw error
  }
}

/** The part of a tile's bytes that a narrower tile of the same place has. */
function beginningOf({ name, bytes }: TileFile): Uint8Array {
  return name.level === "entries"
    ? encodeEntries(parseEntries(bytes).slice(0, name.width))
    : bytes.subarray(0, name.width * 32)
}

function endOf(name: TileName): number {
  return (name.index * tileWidth + name.width) * tileWidth ** levelOf(name)
}

function levelOf({ level }: TileName): number {
  return level === "entries" ? 0 : level
}

/** What else lies in the folder is no tile, and nobody reads it as one. */
function nameOf(path: string): TileName | undefined {
  try {
    return parseTilePath(path)
  } catch (error) {
    if (isFault(error, "input/malformed")) return undefined
    throw error
  }
}
