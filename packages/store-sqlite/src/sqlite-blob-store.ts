import { fromHex } from "@amc/core"
import { type BlobStore, inlineBlobMax } from "@amc/ledger"
import type Database from "better-sqlite3"
import { checkBlobDigest, checkStoredBlob } from "./file-blob-store.ts"
import { shapedValue } from "./row-shape.ts"
import { onMedium } from "./store-fault.ts"

/** Keeps small payloads in the database, beside their events, and gives larger ones to a store of files. */
export class SqliteBlobStore implements BlobStore {
  readonly #db: Database.Database
  readonly #files: BlobStore

  constructor(db: Database.Database, files: BlobStore) {
    this.#db = db
    this.#files = files
  }

  async put(sha256: string, bytes: Uint8Array): Promise<void> {
    if (bytes.length > inlineBlobMax) return this.#files.put(sha256, bytes)
    checkBlobDigest(sha256, bytes)
    const insert = "INSERT INTO blobs (sha256, bytes) VALUES (?, ?) ON CONFLICT (sha256) DO NOTHING"
    await onMedium(() => this.#db.prepare(insert).run(fromHex(sha256), bytes))
  }

  adopt(path: string): Promise<string> {
    return this.#files.adopt(path)
  }

  async get(sha256: string): Promise<Uint8Array | null> {
    const bytes = await onMedium(() => this.#select(sha256))
    return bytes === undefined ? this.#files.get(sha256) : checkStoredBlob(sha256, bytes)
  }

  async has(sha256: string): Promise<boolean> {
    const bytes = await onMedium(() => this.#select(sha256))
    return bytes !== undefined || this.#files.has(sha256)
  }

  async remove(digests: readonly string[]): Promise<void> {
    const keys = digests.map((sha256) => fromHex(sha256))
    await onMedium(() => this.#delete(keys))
    await this.#files.remove(digests)
  }

  #delete(keys: readonly Uint8Array[]): void {
    const statement = this.#db.prepare<[Uint8Array]>("DELETE FROM blobs WHERE sha256 = ?")
    this.#db
      .transaction(() => {
        for (const key of keys) statement.run(key)
      })
      .immediate()
    // The log still has the pages as they were before.
    this.#db.pragma("wal_checkpoint(TRUNCATE)")
  }

  #select(sha256: string): Uint8Array | undefined {
    const query = "SELECT bytes FROM blobs WHERE sha256 = ?"
    const bytes = this.#db.prepare<[Uint8Array], Buffer>(query).pluck().get(fromHex(sha256))
    if (bytes === undefined) return undefined
    shapedValue(bytes, "bytes", "a stored payload")
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
  }
}
