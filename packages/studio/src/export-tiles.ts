import { existsSync, readdirSync } from "node:fs"
import {
  AmcError,
  type Digest,
  equalBytes,
  isFault,
  type TileFile,
  TileFrontier,
  tilePath,
  toHex,
  utf8,
} from "@amc/core"
import {
  checkpointPath,
  type PublishedCheckpoint,
  readPublished,
  TileReader,
  type TileStore,
} from "@amc/ledger"
import { FileTileStore } from "@amc/store-sqlite"
import { openSignedCheckpoint } from "@amc/verify"
import { withLedger } from "./ledger-reader.ts"
import { fullestNote, requirePublished } from "./published-note.ts"
import { tileStoreOf } from "./tile-folder.ts"
import type { Workspace } from "./workspace.ts"

interface TileCounts {
  /** Tiles and entry bundles of the tree; those that an earlier export had written are among them. */
  readonly tiles: number
  readonly written: number
}

/** What an exported folder holds. */
export interface ExportedTiles extends TileCounts {
  readonly origin: string
  readonly size: number
  readonly root_sha256: string
}

/**
 * Copies the published tree into a folder that any static server can serve. The folder is new, or holds an earlier
 * export, which only grows. The checkpoint comes last, once everything that it stands for is there and was
 * hashed again.
 *
 * @throws {@link AmcError} `ledger/not-published`, `usage/invalid` for a folder of something else, `store/damaged` if a
 * tile of the ledger is missing or is not what the checkpoint was signed over
 */
export async function exportTiles(
  workspace: Workspace,
  folder: string,
  progress: (text: string) => void,
): Promise<ExportedTiles> {
  const published = await requirePublished(workspace)
  // Throws unless a certified key signed it: nobody is handed a checkpoint that nobody would accept.
  openSignedCheckpoint(published.note, workspace.origin, workspace.keyring.keys("ledger"))
  const target = new FileTileStore(folder)
  await requireOwnFolder(folder, target, published)
  const { origin, size, root } = published
  const counts = await new TreeCopy(tileStoreOf(workspace), target, size).run(root, progress)
  const note = await withLedger(workspace, (ledger) => fullestNote(workspace, ledger, published))
  await target.write(checkpointPath, utf8(note))
  return { origin, size, root_sha256: toHex(root), ...counts }
}

async function requireOwnFolder(
  folder: string,
  target: TileStore,
  { origin, size }: PublishedCheckpoint,
): Promise<void> {
  if (!existsSync(folder) || readdirSync(folder).length === 0) return
  const earlier = await unlessDamaged(() => readPublished(target))
  if (earlier !== "damaged" && earlier?.origin === origin && earlier.size <= size) return
  throw new AmcError("usage/invalid", `${folder} holds something else than an earlier export`, {
    hint: "choose another --out",
  })
}

async function unlessDamaged<T>(read: () => Promise<T>): Promise<T | "damaged"> {
  try {
    return await read()
  } catch (error) {
    if (isFault(error, "store/damaged", "input/malformed")) return "damaged"
    throw error
  }
}

/** Makes every tile anew from the entries, so that what is handed out is what was signed or nothing. */
class TreeCopy {
  readonly #reader: TileReader
  readonly #target: TileStore
  readonly #frontier = new TileFrontier()
  #tiles = 0
  #written = 0

  constructor(from: TileStore, target: TileStore, size: number) {
    this.#reader = new TileReader(from, size)
    this.#target = target
  }

  async run(root: Digest, progress: (text: string) => void): Promise<TileCounts> {
    const { size } = this.#reader
    for (let bundle = 0; this.#frontier.size < size; bundle++) {
      for (const leaf of await this.#reader.entries(bundle))
        for (const full of this.#frontier.add(leaf)) await this.#put(full)
      if (bundle % 64 === 0) progress(`${this.#frontier.size} of ${size} events copied`)
    }
    if (!equalBytes(this.#frontier.root(), root))
      throw new AmcError("store/damaged", "the entries are not of the tree that was signed", {
        hint: "see 'amc ledger fsck'",
      })
    for (const partial of this.#frontier.partials()) await this.#put(partial)
    return { tiles: this.#tiles, written: this.#written }
  }

  async #put({ name, bytes }: TileFile): Promise<void> {
    const path = tilePath(name)
    const there = await unlessDamaged(() => this.#target.read(path))
    this.#tiles++
    if (there !== null && there !== "damaged" && equalBytes(there, bytes)) return
    if (there !== null)
      throw new AmcError("usage/invalid", `the folder holds another ${path} than the ledger`, {
        hint: "choose a new --out; what is there was changed, or is of another history of the ledger, which 'amc verify' would tell",
      })
    await this.#target.write(path, bytes)
    this.#written++
  }
}
