import { closeSync, fstatSync, openSync, readFileSync } from "node:fs"
import { mkdir, opendir, rm } from "node:fs/promises"
import { join } from "node:path"
import { malformed } from "@amc/core"
import { type TileStore, tileSizeMax } from "@amc/ledger"
import { placeDurably } from "./durable-file.ts"
import { isLeftover, temporaryPath } from "./leftovers.ts"
import { notRegular, regularFlags, requireRegular } from "./regular-file.ts"
import { onMedium } from "./store-fault.ts"

/** Keeps tiles as files under their paths, so that any static server can serve the folder. */
export class FileTileStore implements TileStore {
  readonly #dir: string

  constructor(dir: string) {
    this.#dir = dir
  }

  async read(path: string): Promise<Uint8Array | null> {
    return onMedium(() => readRegular(this.#path(path), path))
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    const target = this.#path(path)
    await onMedium(async () => {
      await mkdir(this.#dir, { recursive: true, mode: 0o700 })
      await placeDurably(temporaryPath(this.#dir), target, bytes)
    })
  }

  async removeFolder(path: string): Promise<void> {
    await onMedium(() => rm(this.#path(path), { recursive: true, force: true }))
  }

  async *list(folder?: string): AsyncGenerator<string, void, undefined> {
    yield* this.#walk(folder ?? "")
  }

  async *#walk(folder: string): AsyncGenerator<string, void, undefined> {
    const opened = await onMedium(() => openFolder(folder === "" ? this.#dir : this.#path(folder)))
    if (opened === null) return
    for await (const entry of opened) {
      if (folder === "" && isLeftover(entry.name)) continue
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`
      if (entry.isDirectory()) yield* this.#walk(path)
      else yield path
    }
  }

  #path(path: string): string {
    const isInside = path.split("/").every((part) => !/^\.{0,2}$/u.test(part))
    if (!isInside || path.includes("\0")) throw malformed("this is no path of a tile")
    return join(this.#dir, path)
  }
}

async function openFolder(path: string): Promise<Awaited<ReturnType<typeof opendir>> | null> {
  try {
    return await opendir(path)
  } catch (error) {
    if (isAbsent(error)) return null
    throw error
  }
}

/** At once, since for files of this size the way to another thread and back takes longer than to read them. */
function readRegular(path: string, name: string): Uint8Array | null {
  try {
    const file = openSync(path, regularFlags)
    try {
      requireRegular(fstatSync(file), name, tileSizeMax)
      const bytes = readFileSync(file)
      return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
    } finally {
      closeSync(file)
    }
  } catch (error) {
    return notRegular(error, name)
  }
}

function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === "ENOENT" || code === "ENOTDIR"
}
