import { AmcError } from "@amc/core"
import type { TileStore } from "@amc/ledger"

/** The simplest tile store, with a medium that can be made to fail from one write on. */
export class MemoryTileStore implements TileStore {
  readonly files: Map<string, Uint8Array> = new Map()
  /** How many more changes succeed; then the process is as if it had been killed. */
  changesLeft: number = Number.POSITIVE_INFINITY
  /** The paths that were written, in order. */
  readonly written: string[] = []

  async read(path: string): Promise<Uint8Array | null> {
    return this.files.get(path) ?? null
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    this.#change()
    this.files.set(path, Uint8Array.from(bytes))
    this.written.push(path)
  }

  async removeFolder(path: string): Promise<void> {
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
