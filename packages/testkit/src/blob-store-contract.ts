import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { equalBytes, sha256Hex } from "@amc/core"
import { type BlobStore, inlineBlobMax } from "@amc/ledger"
import { describe, expect, onTestFinished, test } from "vitest"
import type { StoreUnderTest } from "./event-store-contract.ts"

/** A blob store whose medium can be made to lie. */
export interface BlobStoreUnderTest extends StoreUnderTest<BlobStore> {
  /** Changes stored bytes behind the store's back. */
  damage(sha256: string): Promise<void>
}

/** Equal to no payload of these tests. */
const none = Uint8Array.of(255, 255)
const sizes = [0, 1, 1000, inlineBlobMax, inlineBlobMax + 1, 3 * inlineBlobMax]

/** What every {@link BlobStore} must do. */
export function blobStoreContract(name: string, make: () => Promise<BlobStoreUnderTest>): void {
  const setUp = async (): Promise<BlobStoreUnderTest> => {
    const store = await make()
    onTestFinished(() => store.remove())
    return store
  }

  describe(`${name}: BlobStore contract`, () => {
    test.each(sizes)("keeps %i bytes across a reopen", async (size) => {
      const { open } = await setUp()
      const bytes = new Uint8Array(size).fill(7)
      const sha256 = sha256Hex(bytes)
      const first = await open()
      await first.put(sha256, bytes)
      await first.put(sha256, bytes)
      const second = await open()
      expect(await second.has(sha256)).toBe(true)
      expect(equalBytes((await second.get(sha256)) ?? none, bytes)).toBe(true)
    })

    test("keeps its own copy, and gives one to each reader", async () => {
      const store = await (await setUp()).open()
      const bytes = Uint8Array.of(1, 2, 3)
      const sha256 = sha256Hex(bytes)
      await store.put(sha256, bytes)
      bytes.fill(0)
      const first = await store.get(sha256)
      first?.fill(0)
      expect(await store.get(sha256)).toEqual(Uint8Array.of(1, 2, 3))
    })

    test("takes the same payload from many at once", async () => {
      const { open } = await setUp()
      const bytes = new Uint8Array(inlineBlobMax + 9).fill(5)
      const stores = await Promise.all([open(), open(), open()])
      await Promise.all(stores.map((store) => store.put(sha256Hex(bytes), bytes)))
      expect(equalBytes((await stores[0]?.get(sha256Hex(bytes))) ?? none, bytes)).toBe(true)
    })

    test("says of bytes that it never saw that they are not there", async () => {
      const store = await (await setUp()).open()
      expect(await store.has("ab".repeat(32))).toBe(false)
      expect(await store.get("ab".repeat(32))).toBeNull()
    })

    test("refuses bytes under a digest that is not theirs", async () => {
      const store = await (await setUp()).open()
      await expect(store.put("ab".repeat(32), Uint8Array.of(1))).rejects.toMatchObject({
        code: "input/malformed",
      })
      expect(await store.has("ab".repeat(32))).toBe(false)
    })

    test.each([10, inlineBlobMax + 1])(
      "notices that %i stored bytes were changed",
      async (size) => {
        const { open, damage } = await setUp()
        const bytes = new Uint8Array(size).fill(1)
        const store = await open()
        await store.put(sha256Hex(bytes), bytes)
        await damage(sha256Hex(bytes))
        await expect(store.get(sha256Hex(bytes))).rejects.toMatchObject({ code: "store/damaged" })
      },
    )

    test.each([10, inlineBlobMax + 1])(
      "removes %i bytes for good, and nothing else",
      async (size) => {
        const { open } = await setUp()
        const [gone, kept] = [new Uint8Array(size).fill(3), new Uint8Array(size).fill(4)]
        const store = await open()
        for (const bytes of [gone, kept]) await store.put(sha256Hex(bytes), bytes)
        await store.remove([sha256Hex(gone), "ab".repeat(32)])
        await store.remove([sha256Hex(gone)])
        const again = await open()
        expect(await again.has(sha256Hex(gone))).toBe(false)
        expect(await again.get(sha256Hex(gone))).toBeNull()
        expect(await again.get(sha256Hex(kept))).toEqual(kept)
        await again.put(sha256Hex(gone), gone)
        expect(await again.get(sha256Hex(gone))).toEqual(gone)
      },
    )

    test.each([0, 5, inlineBlobMax + 1])("takes over a spooled file of %i bytes", async (size) => {
      const store = await (await setUp()).open()
      const spool = await mkdtemp(join(tmpdir(), "amc-spool-"))
      onTestFinished(() => rm(spool, { recursive: true }))
      const bytes = new Uint8Array(size).fill(9)
      await writeFile(join(spool, "body"), bytes)
      const sha256 = await store.adopt(join(spool, "body"))
      expect(sha256).toBe(sha256Hex(bytes))
      expect(equalBytes((await store.get(sha256)) ?? none, bytes)).toBe(true)
      expect(await readdir(spool)).toEqual([])
    })
  })
}
