import * as fc from "fast-check"
import { expect, test } from "vitest"
import { toHex } from "./bytes.ts"
import { isFault } from "./errors.ts"
import { consistencyPath } from "./merkle/consistency.ts"
import { hashLeaf } from "./merkle/hash.ts"
import { inclusionPath } from "./merkle/inclusion.ts"
import {
  consistencyRanges,
  inclusionRanges,
  joinSubtrees,
  type LeafRange,
  subtreesOf,
} from "./merkle/subtree.ts"
import { rootOf } from "./merkle/tree.ts"
import {
  parseTile,
  parseTilePath,
  partialTilesOf,
  partialTilesPath,
  type TileName,
  tileOfSubtree,
  tilePath,
  tilesOf,
  widthOfTile,
} from "./tile.ts"
import { ownVectors } from "./testing/vectors.ts"

interface Vectors {
  readonly paths: readonly (TileName & { why: string; path: string })[]
  readonly refused: readonly { why: string; path: string }[]
  readonly trees: readonly { size: number; tiles: number; partial: string[] }[]
}

const vectors = ownVectors<Vectors>("tiles.json")
const malformed: unknown = expect.objectContaining({ code: "input/malformed" })

test("there are vectors of every kind", () => {
  expect(vectors.paths.length).toBeGreaterThan(8)
  expect(vectors.refused.length).toBeGreaterThan(15)
  expect(vectors.trees.length).toBeGreaterThan(4)
})

test.each(vectors.paths)("names $why as $path", ({ path, level, index, width }) => {
  expect(tilePath({ level, index, width })).toBe(path)
  expect(parseTilePath(path)).toEqual({ level, index, width })
})

test.each(vectors.refused)("refuses a path with $why", ({ path }) => {
  expect(() => parseTilePath(path)).toThrow(malformed)
})

test.each(vectors.trees)(
  "knows the tiles of a tree of $size leaves",
  ({ size, tiles, partial }) => {
    const all = [...tilesOf(size)]
    expect(all).toHaveLength(tiles)
    expect(all.filter(({ width }) => width < 256).map(tilePath)).toEqual(partial)
    expect(partialTilesOf(size).map(tilePath).sort()).toEqual(partial.toSorted())
    for (const name of all) expect(widthOfTile(name, size)).toBe(name.width)
  },
)

test("each path has one spelling", () => {
  const { path } = vectors.paths.at(-1)!
  fc.assert(
    fc.property(
      fc.nat(path.length),
      fc.constantFrom("", "0", "1", "x", "/", ".", "p", "%2e", "..", "\n"),
      (at, put) => {
        const near = path.slice(0, at) + put + path.slice(at + 1)
        try {
          expect(tilePath(parseTilePath(near))).toBe(near)
        } catch (error) {
          if (!isFault(error, "input/malformed")) throw error
        }
      },
    ),
  )
})

test("there is no tile beyond the edge of a tree", () => {
  expect(widthOfTile({ level: 0, index: 1 }, 256)).toBe(0)
  expect(widthOfTile({ level: "entries", index: 1 }, 257)).toBe(1)
  expect(partialTilesPath({ level: 0, index: 1234 })).toBe("tile/0/x001/234.p")
})

test.each([0, 31, 33, 8192])("refuses %i bytes as a tile of one hash", (size) => {
  expect(() => parseTile(new Uint8Array(size), 1)).toThrow(malformed)
})

const hashes = Array.from({ length: 700 }, (_, n) => hashLeaf(Uint8Array.of(n >> 8, n & 255)))

/** The root over a range of leaves, from nothing but the hashes that stand in tiles. */
function rootFromTiles(range: LeafRange): string {
  const roots = subtreesOf(range).map((subtree) => {
    const { level, index, from, to } = tileOfSubtree(subtree)
    const span = 256 ** level
    const tile = Array.from({ length: 256 }, (_, at) => {
      const first = (index * 256 + at) * span
      return rootOf(hashes.slice(first, first + span))
    })
    return rootOf(tile.slice(from, to))
  })
  return toHex(joinSubtrees(roots))
}

test("every hash of a proof can be made from the hashes that stand in tiles", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 700 }), fc.nat(699), (size, at) => {
      const tree = hashes.slice(0, size)
      const index = at % size
      expect(inclusionRanges(index, size).map(rootFromTiles)).toEqual(
        inclusionPath(tree, index).map(toHex),
      )
      expect(consistencyRanges(index + 1, size).map(rootFromTiles)).toEqual(
        consistencyPath(tree, index + 1).map(toHex),
      )
    }),
    { numRuns: 60 },
  )
})

test("a range of a tree of 2^53 - 1 leaves is cut where it should be", () => {
  const size = Number.MAX_SAFE_INTEGER
  expect(subtreesOf({ from: 0, to: size })).toHaveLength(53)
  expect(inclusionRanges(size - 1, size)).toHaveLength(52)
})
