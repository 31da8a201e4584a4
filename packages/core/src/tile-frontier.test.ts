import * as fc from "fast-check"
import { expect, test } from "vitest"
import { utf8 } from "./bytes.ts"
import { parseEntries } from "./entry-bundle.ts"
import { hashLeaf } from "./merkle/hash.ts"
import { rootOf } from "./merkle/tree.ts"
import { parseTile, type TileName, tilePath, tilesOf } from "./tile.ts"
import { TileFrontier } from "./tile-frontier.ts"

const leaf = (n: number): Uint8Array => utf8(`leaf ${n}`)
const leaves = Array.from({ length: 66_000 }, (_, n) => leaf(n))
const hashes = leaves.map(hashLeaf)

function grown(frontier: TileFrontier, to: number): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>()
  while (frontier.size < to)
    for (const { name, bytes } of frontier.add(leaves[frontier.size]!))
      files.set(tilePath(name), bytes)
  for (const { name, bytes } of frontier.partials()) files.set(tilePath(name), bytes)
  return files
}

/** A tile's hashes as C2SP tlog-tiles defines them: MTH of each group of leaves. */
function modelHashes({ level, index, width }: TileName): Uint8Array[] {
  const span = 256 ** (level as number)
  return Array.from({ length: width }, (_, at) =>
    rootOf(hashes.slice((index * 256 + at) * span, (index * 256 + at + 1) * span)),
  )
}

test.each([0, 1, 255, 256, 257, 600, 65_700])(
  "a tree of %i leaves has just the tiles that the specification names, with those hashes",
  (size) => {
    const frontier = new TileFrontier()
    const files = grown(frontier, size)
    const names = [...tilesOf(size)]
    expect([...files.keys()].sort()).toEqual(names.map(tilePath).sort())
    for (const name of names.slice(-8)) {
      const bytes = files.get(tilePath(name))!
      if (name.level === "entries")
        expect(parseEntries(bytes)).toEqual(
          leaves.slice(name.index * 256, name.index * 256 + name.width),
        )
      else expect(parseTile(bytes, name.width)).toEqual(modelHashes(name))
    }
    expect(frontier.root()).toEqual(rootOf(hashes.slice(0, size)))
  },
)

test("it goes on from any edge as if it had never stopped", () => {
  const whole = grown(new TileFrontier(), 1100)
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1100 }), (size) => {
      const first = new TileFrontier()
      grown(first, size)
      const levels = [0, 1].map((level) =>
        first
          .partials()
          .filter(({ name }) => name.level === level)
          .flatMap(({ name, bytes }) => parseTile(bytes, name.width)),
      )
      const entries = leaves.slice(size - (size % 256), size)
      const second = new TileFrontier({ size, levels, entries })
      for (const [path, bytes] of grown(second, 1100)) expect(whole.get(path)).toEqual(bytes)
      expect(second.root()).toEqual(rootOf(hashes.slice(0, 1100)))
    }),
    { numRuns: 40 },
  )
})
