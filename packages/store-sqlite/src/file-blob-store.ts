import { access, mkdir, stat } from "node:fs/promises"
import { join } from "node:path"
import { AmcError, malformed, sha256Hex } from "@amc/core"
import type { BlobStore } from "@amc/ledger"
import {
  copyDurably,
  hashDurably,
  moveDurably,
  placeDurably,
  removeDurably,
} from "./durable-file.ts"
import { temporaryPath } from "./leftovers.ts"
import { readRegularLater } from "./regular-file.ts"
import { onMedium } from "./store-fault.ts"

/** The most that can be read at once. */
const blobSizeMax = 2 ** 31 - 1

/** Keeps each payload in a file named by its digest, two folders deep. Only the owner may read them. */
export class FileBlobStore implements BlobStore {
  readonly #dir: string

  constructor(dir: string) {
    this.#dir = dir
  }

  async put(sha256: string, bytes: Uint8Array): Promise<void> {
    checkBlobDigest(sha256, bytes)
    await onMedium(async () => {
      await placeDurably(await this.#newPath(), this.#path(sha256), bytes)
    })
  }

  adopt(path: string): Promise<string> {
    return onMedium(async () => {
      const near = await this.#bringNear(path)
      await moveDurably(near.path, this.#path(near.sha256))
      return near.sha256
    })
  }

  async get(sha256: string): Promise<Uint8Array | null> {
    const name = `the payload stored as ${sha256}`
    const bytes = await onMedium(() => readRegularLater(this.#path(sha256), name, blobSizeMax))
    return bytes === null ? null : checkStoredBlob(sha256, bytes)
  }

  async has(sha256: string): Promise<boolean> {
    const found = await onMedium(() => orNull(access(this.#path(sha256)).then(() => true)))
    return found ?? false
  }

  async remove(digests: readonly string[]): Promise<void> {
    const paths = digests.map((sha256) => this.#path(sha256))
    await onMedium(async () => {
      for (const path of paths) await removeDurably(path)
    })
  }

  async #bringNear(path: string): Promise<{ path: string; sha256: string }> {
    await mkdir(this.#dir, { recursive: true, mode: 0o700 })
    const [there, here] = [await stat(path), await stat(this.#dir)]
    if (there.dev === here.dev) return { path, sha256: await hashDurably(path) }
    const copy = await this.#newPath()
    return { path: copy, sha256: await copyDurably(path, copy) }
  }

  async #newPath(): Promise<string> {
    await mkdir(this.#dir, { recursive: true, mode: 0o700 })
    return temporaryPath(this.#dir)
  }

  #path(sha256: string): string {
    if (!/^[0-9a-f]{64}$/u.test(sha256)) throw malformed("a digest is not 64 hexadecimal digits")
    return join(this.#dir, sha256.slice(0, 2), sha256.slice(2, 4), sha256)
  }
}

/** @throws {@link AmcError} `input/malformed` */
export function checkBlobDigest(sha256: string, bytes: Uint8Array): void {
  if (sha256Hex(bytes) !== sha256) throw malformed("a payload has another digest than is said")
}

/** The bytes, if they are what was stored. @throws {@link AmcError} `store/damaged` */
export function checkStoredBlob(sha256: string, bytes: Uint8Array): Uint8Array {
  if (sha256Hex(bytes) === sha256) return bytes
  throw new AmcError("store/damaged", `the payload stored as ${sha256} has another digest`)
}

async function orNull<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null
    throw error
  }
}
