import { type TileStore, tileSizeMax } from "@amc/ledger"
import { describe, expect, onTestFinished, test } from "vitest"
import type { StoreUnderTest } from "./event-store-contract.ts"

async function listed(store: TileStore, folder?: string): Promise<string[]> {
  const names: string[] = []
  for await (const name of store.list(folder)) names.push(name)
  return names.sort()
}

/** What every {@link TileStore} must do. A new driver runs this and adds only its own tests. */
export function tileStoreContract(
  name: string,
  make: () => Promise<StoreUnderTest<TileStore>>,
): void {
  const setUp = async (): Promise<StoreUnderTest<TileStore>> => {
    const store = await make()
    onTestFinished(() => store.remove())
    return store
  }

  describe(`${name}: TileStore contract`, () => {
    test("is empty at first", async () => {
      const store = await (await setUp()).open()
      expect(await store.read("checkpoint")).toBeNull()
      expect(await listed(store)).toEqual([])
      expect(await listed(store, "tile/0")).toEqual([])
    })

    test("gives back what was written last, also to others", async () => {
      const { open } = await setUp()
      const store = await open()
      const mine = Uint8Array.of(1)
      await store.write("checkpoint", Uint8Array.of(9, 9, 9))
      await store.write("checkpoint", mine)
      mine.fill(0)
      expect(await (await open()).read("checkpoint")).toEqual(Uint8Array.of(1))
    })

    test.each([0, 8192, tileSizeMax])("keeps a file of %i bytes", async (size) => {
      const store = await (await setUp()).open()
      await store.write("tile/entries/000", new Uint8Array(size).fill(7))
      expect((await store.read("tile/entries/000"))?.length).toBe(size)
    })

    test("lists what is in a folder and under it, and nothing beside it", async () => {
      const store = await (await setUp()).open()
      const paths = ["checkpoint", "tile/0/000", "tile/0/000.p/17", "tile/0/x001/000", "tile/00/1"]
      for (const path of paths) await store.write(path, Uint8Array.of(1))
      expect(await listed(store)).toEqual(paths.toSorted())
      expect(await listed(store, "tile/0")).toEqual([
        "tile/0/000",
        "tile/0/000.p/17",
        "tile/0/x001/000",
      ])
    })

    test("removes a folder with all under it and nothing beside it", async () => {
      const store = await (await setUp()).open()
      const paths = ["tile/0/000", "tile/0/000.p/17", "tile/0/000.p/18", "tile/0/000.px/1"]
      for (const path of paths) await store.write(path, Uint8Array.of(1))
      await store.removeFolder("tile/0/000.p")
      await store.removeFolder("tile/0/000.p")
      expect(await listed(store)).toEqual(["tile/0/000", "tile/0/000.px/1"])
      await store.write("tile/0/000.p/19", Uint8Array.of(1))
      expect(await listed(store, "tile/0/000.p")).toEqual(["tile/0/000.p/19"])
    })

    test.each(["", "..", "../x", "tile/../x", "/etc/passwd", "tile//0", "tile/./0", "a\0b"])(
      "refuses the path %j",
      async (path) => {
        const store = await (await setUp()).open()
        const refused = { code: "input/malformed" }
        await expect(store.read(path)).rejects.toMatchObject(refused)
        await expect(store.write(path, Uint8Array.of(1))).rejects.toMatchObject(refused)
        await expect(store.removeFolder(path)).rejects.toMatchObject(refused)
      },
    )
  })
}
