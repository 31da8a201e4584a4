import { readFile, rm } from "node:fs/promises"
import { AmcError, malformed, sha256Hex } from "@amc/core"
import type { BlobStore } from "@amc/ledger"

/** Keeps payloads in memory. */
export class MemoryBlobStore implements BlobStore {
  readonly #blobs = new Map<string, Uint8Array>()

  async put(sha256: string, bytes: Uint8Array): Promise<void> {
    if (sha256Hex(bytes) !== sha256) throw malformed("a payload has another digest than is said")
    this.keep(sha256, bytes)
  }

  async adopt(path: string): Promise<string> {
    const bytes = new Uint8Array(await readFile(path))
    await rm(path)
    const sha256 = sha256Hex(bytes)
    this.keep(sha256, bytes)
    return sha256
  }

  async get(sha256: string): Promise<Uint8Array | null> {
    const bytes = this.#blobs.get(sha256)
    if (bytes === undefined) return null
    if (sha256Hex(bytes) !== sha256)
      throw new AmcError("store/damaged", "a payload has another digest")
    return Uint8Array.from(bytes)
  }

  async has(sha256: string): Promise<boolean> {
    return this.#blobs.has(sha256)
  }

  async remove(digests: readonly string[]): Promise<void> {
    for (const sha256 of digests) this.#blobs.delete(sha256)
  }

  /** Keeps bytes under any digest, also one that is not theirs, as a damaged medium would. */
  keep(sha256: string, bytes: Uint8Array): void {
    this.#blobs.set(sha256, Uint8Array.from(bytes))
  }
}
