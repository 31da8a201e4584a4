import { AmcError, malformed } from "@amc/core"
import type { TileStore } from "@amc/ledger"

/** The simplest tile store, with a medium that can be made to fail from one write on. */
export class MemoryTileStore implements TileStore {
  readonly files: Map<string, Uint8Array> = new Map()
  /** How many more changes succeed; then the process is as if it had been killed. */
  changesLeft: number = Number.POSITIVE_INFINITY
  /** The paths that were written, in order. */
  readonly written: string[] = []

  async read(path: string): Promise<Uint8Array | null> {
    checkPath(path)
    return this.files.get(path) ?? null
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    checkPath(path)
    this.#change()
    this.files.set(path, Uint8Array.from(bytes))
    this.written.push(path)
  }

  async removeFolder(path: string): Promise<void> {
    checkPath(path)
    this.#change()
    for (const name of this.files.keys()) if (name.startsWith(`${path}/`)) this.files.delete(name)
  }

  async *list(folder?: string): AsyncGenerator<string, void, undefined> {
    for (const name of this.files.keys())
      if (folder === undefined || name.startsWith(`${folder}/`)) yield name
  }

  #change(): void {
    if (this.changesLeft <= 0)
      throw new AmcError("store/unavailable", "the medium failed, as planned")
    this.changesLeft--
  }
}

function checkPath(path: string): void {
  const isInside = path.split("/").every((part) => !/^\.{0,2}$/u.test(part))
  if (!isInside || path.includes("\0")) throw malformed("this is no path of a tile")
}
