import {
  consistencyPath,
  inclusionPath,
  parseTilePath,
  rootOf,
  toHex,
  utf8,
  verifyConsistency,
  verifyInclusion,
  widthOfTile,
} from "@amc/core"
import { MemoryTileStore } from "@amc/testkit"
import * as fc from "fast-check"
import { beforeAll, describe, expect, test } from "vitest"
import { readPublished, TileReader } from "./tile-reader.ts"
import { TileWriter, writeMissingTiles } from "./tile-writer.ts"
import { FilledStore, lane, origin } from "./tiles.fixture.ts"

const most = 1300
const filled = new FilledStore()
const { events } = filled

beforeAll(() => filled.fill(most))

function writerOn(tiles: MemoryTileStore): TileWriter {
  return new TileWriter({ events, tiles, lane })
}

async function publish(tiles: MemoryTileStore, ...sizes: readonly number[]): Promise<void> {
  const writer = writerOn(tiles)
  for (const size of sizes) {
    const { checkpoint, note } = filled.checkpoint(size)
    await writer.publish(checkpoint, note)
  }
}

/** The tiles that a tree of this size needs, whatever else is there. */
function tilesFor(size: number, { files }: MemoryTileStore): Record<string, string> {
  const own = [...files].filter(([path]) => {
    if (path === "checkpoint") return true
    const name = parseTilePath(path)
    return widthOfTile(name, size) === name.width
  })
  return Object.fromEntries(own.map(([path, bytes]) => [path, toHex(bytes)]).sort())
}

async function wholeTree(size: number): Promise<Record<string, string>> {
  const tiles = new MemoryTileStore()
  await publish(tiles, size)
  return tilesFor(size, tiles)
}

test("steps of any size end in the same tiles, whether or not the writer is a new one", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: most }), { minLength: 1, maxLength: 6 }),
      fc.boolean(),
      async (sizes, isNewWriter) => {
        const steps = sizes.toSorted((a, b) => a - b)
        const last = steps.at(-1) ?? 0
        const tiles = new MemoryTileStore()
        if (isNewWriter) for (const size of steps) await publish(tiles, size)
        else await publish(tiles, ...steps)
        expect(tilesFor(last, tiles)).toEqual(await wholeTree(last))
      },
    ),
    { numRuns: 25 },
  )
})

test("each full tile is written once, and what it supersedes is gone", async () => {
  const tiles = new MemoryTileStore()
  await publish(tiles, 3, 200, 255, 256, 300, 700)
  const full = tiles.written.filter((path) => path.startsWith("tile/") && !path.includes(".p/"))
  expect(full).toHaveLength(new Set(full).size)
  expect([...tiles.files.keys()].filter((path) => path.startsWith("tile/0/")).sort()).toEqual([
    "tile/0/000",
    "tile/0/001",
    "tile/0/002.p/188",
  ])
})

test("a partial tile of an earlier checkpoint stays until the full one is there", async () => {
  const tiles = new MemoryTileStore()
  await publish(tiles, 3, 200)
  expect(tiles.files.has("tile/0/000.p/3")).toBe(true)
  expect(tiles.files.has("tile/entries/000.p/3")).toBe(true)
  await expect(new TileReader(tiles, 3).root()).resolves.toEqual(rootOf(filled.hashes.slice(0, 3)))
})

test("L25 a writer that is killed between any two files is taken up by the next one", async () => {
  const whole = await wholeTree(700)
  const changes = new MemoryTileStore()
  await publish(changes, 100, 300, 700)
  for (let left = 0; left < changes.written.length + 6; left++) {
    const tiles = new MemoryTileStore()
    tiles.changesLeft = left
    await publish(tiles, 100, 300, 700).catch((error: unknown) => {
      expect(error).toMatchObject({ code: "store/unavailable" })
    })
    const published = await readPublished(tiles)
    // Whatever is published at that moment is whole.
    if (published !== null)
      expect(await new TileReader(tiles, published.size).root()).toEqual(published.root)
    tiles.changesLeft = Number.POSITIVE_INFINITY
    await publish(tiles, 700)
    expect(tilesFor(700, tiles)).toEqual(whole)
  }
})

test("the same writer goes on after a medium that failed", async () => {
  const tiles = new MemoryTileStore()
  const writer = writerOn(tiles)
  const { checkpoint, note } = filled.checkpoint(700)
  const first = filled.checkpoint(100)
  await writer.publish(first.checkpoint, first.note)
  tiles.changesLeft = 2
  await expect(writer.publish(checkpoint, note)).rejects.toMatchObject({
    code: "store/unavailable",
  })
  tiles.changesLeft = Number.POSITIVE_INFINITY
  await writer.publish(checkpoint, note)
  expect(tilesFor(700, tiles)).toEqual(await wholeTree(700))
})

test("another note of the same checkpoint takes the first one's place", async () => {
  const tiles = new MemoryTileStore()
  const writer = writerOn(tiles)
  const { checkpoint, note } = filled.checkpoint(10)
  await writer.publish(checkpoint, note)
  await writer.publish(checkpoint, `${note}\u2014 witness.example AAAAAAAAAAA=\n`)
  expect((await readPublished(tiles))?.note).toContain("witness.example")
})

describe("nothing is published", () => {
  test("of a root that the events do not make", async () => {
    const tiles = new MemoryTileStore()
    const { note } = filled.checkpoint(700)
    const other = { size: 700, root: filled.checkpoint(699).checkpoint.root }
    await expect(writerOn(tiles).publish(other, note)).rejects.toMatchObject({
      code: "store/damaged",
    })
    expect(await readPublished(tiles)).toBeNull()
  })

  test("beyond the events that there are", async () => {
    const { checkpoint, note } = filled.checkpoint(most)
    const larger = { ...checkpoint, size: most + 1 }
    await expect(writerOn(new MemoryTileStore()).publish(larger, note)).rejects.toMatchObject({
      code: "store/damaged",
    })
  })

  test("of an older tree", async () => {
    const tiles = new MemoryTileStore()
    await publish(tiles, 700)
    const { checkpoint, note } = filled.checkpoint(300)
    await expect(writerOn(tiles).publish(checkpoint, note)).rejects.toMatchObject({
      code: "store/damaged",
      message: "tiles of 700 events are published already",
    })
    expect((await readPublished(tiles))?.size).toBe(700)
  })

  test.each([
    { why: "a full tile in the way is another", path: "tile/0/001" },
    { why: "a full bundle in the way is another", path: "tile/entries/001" },
    { why: "the tile above the edge was changed", path: "tile/1/000.p/1" },
  ])("where $why, and that tile is left as it is", async ({ path }) => {
    const tiles = new MemoryTileStore()
    await publish(tiles, 300)
    tiles.files.set(path, new Uint8Array(path === "tile/1/000.p/1" ? 32 : 8192))
    const before = tiles.written.length
    await expect(publish(tiles, 700)).rejects.toMatchObject({ code: "store/damaged" })
    expect((await readPublished(tiles))?.size).toBe(300)
    if (path.startsWith("tile/1/")) expect(tiles.written).toHaveLength(before)
    expect(tiles.files.get(path)?.every((byte) => byte === 0)).toBe(true)
  })

  test("after a published checkpoint that can't be read", async () => {
    const tiles = new MemoryTileStore()
    for (const bytes of [utf8("none"), Uint8Array.of(255)]) {
      await tiles.write("checkpoint", bytes)
      await expect(publish(tiles, 10)).rejects.toMatchObject({ code: "store/damaged" })
    }
  })
})

describe("a reader with only the tiles", () => {
  test("proves every leaf and every older tree as the whole tree does", async () => {
    const tiles = new MemoryTileStore()
    await publish(tiles, 900)
    const reader = new TileReader(tiles, 900)
    const tree = filled.hashes.slice(0, 900)
    const root = await reader.root()
    expect(root).toEqual(rootOf(tree))
    await fc.assert(
      fc.asyncProperty(fc.nat(899), async (index) => {
        const path = await reader.inclusion(index)
        expect(path).toEqual(inclusionPath(tree, index))
        expect(verifyInclusion(tree[index]!, { leafIndex: index, treeSize: 900, path }, root)).toBe(
          true,
        )
        expect(new TextDecoder().decode(await reader.leaf(index))).toBe(`leaf ${index}`)
        const oldSize = index + 1
        const older = { oldSize, newSize: 900, oldRoot: await reader.root(oldSize), newRoot: root }
        const consistency = await reader.consistency(oldSize)
        expect(consistency).toEqual(consistencyPath(tree, oldSize))
        expect(verifyConsistency({ ...older, path: consistency })).toBe(true)
      }),
      { numRuns: 60 },
    )
  })

  test("takes the full tile where the partial one is gone", async () => {
    const tiles = new MemoryTileStore()
    await publish(tiles, 200, 300)
    expect([...tiles.files.keys()].some((path) => path.startsWith("tile/0/000.p/"))).toBe(false)
    const reader = new TileReader(tiles, 200)
    expect(await reader.root()).toEqual(rootOf(filled.hashes.slice(0, 200)))
    expect(await reader.leaf(199)).toEqual(utf8("leaf 199"))
  })

  test.each([
    { why: "is missing", path: "tile/0/001", put: null },
    { why: "is cut short", path: "tile/0/001", put: new Uint8Array(8191) },
    { why: "holds a leaf less", path: "tile/entries/001", put: new Uint8Array(2) },
    { why: "ends in the middle of a leaf", path: "tile/entries/001", put: Uint8Array.of(0, 9, 1) },
  ])("names a tile that $why", async ({ path, put }) => {
    const tiles = new MemoryTileStore()
    await publish(tiles, 900)
    if (put === null) tiles.files.delete(path)
    else tiles.files.set(path, put)
    const reader = new TileReader(tiles, 900)
    const read = path.includes("entries") ? reader.leaf(300) : reader.inclusion(300)
    await expect(read).rejects.toMatchObject({
      code: "store/damaged",
      message: expect.stringContaining(path) as unknown,
    })
  })

  test.each([-1, 900, 0.5, Number.NaN])("there is no leaf %s of 900", async (index) => {
    const tiles = new MemoryTileStore()
    await publish(tiles, 900)
    await expect(new TileReader(tiles, 900).leaf(index)).rejects.toMatchObject({
      code: "proof/malformed",
    })
  })

  test("of an empty tree there is a root and nothing else", async () => {
    const tiles = new MemoryTileStore()
    await publish(tiles, 0)
    expect(toHex(await new TileReader(tiles, 0).root())).toBe(toHex(rootOf([])))
    expect((await readPublished(tiles))?.origin).toBe(origin)
  })

  test("keeps no more tiles in memory than its limit, and reads them again", async () => {
    const tiles = new MemoryTileStore()
    await publish(tiles, most)
    const reader = new TileReader(tiles, most)
    for (let index = 0; index < most; index += 97)
      expect(await reader.inclusion(index)).toEqual(inclusionPath(filled.hashes, index))
  })
})

test("missing tiles are written again, and none that is there is touched", async () => {
  const tiles = new MemoryTileStore()
  await publish(tiles, 900)
  const whole = tilesFor(900, tiles)
  tiles.files.delete("tile/0/001")
  tiles.files.delete("tile/entries/003.p/132")
  tiles.files.set("tile/entries/000", utf8("changed"))
  const written = await writeMissingTiles({ events, tiles, lane }, 900)
  expect(written).toEqual(["tile/0/001", "tile/entries/003.p/132"])
  expect(tilesFor(900, tiles)).toEqual({ ...whole, "tile/entries/000": toHex(utf8("changed")) })
})
