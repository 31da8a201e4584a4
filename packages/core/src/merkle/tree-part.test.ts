import * as fc from "fast-check"
import { describe, expect, test } from "vitest"
import { equalBytes, toHex, utf8 } from "../bytes.ts"
import type { Digest } from "../digest.ts"
import { consistencyPath } from "./consistency.ts"
import { hashLeaf } from "./hash.ts"
import { inclusionPath } from "./inclusion.ts"
import { rootOf } from "./tree.ts"
import { rootsOfPart, type TreePart, treePartOf } from "./tree-part.ts"

const hashes: readonly Digest[] = Array.from({ length: 300 }, (_, at) => hashLeaf(utf8(`${at}`)))
const roots = hashes.map((_, at) => rootOf(hashes.slice(0, at + 1)))
const rootAt = (size: number): Digest => roots[size - 1]!
const malformed: unknown = expect.objectContaining({ code: "proof/malformed" })
const leavesAt = (indices: readonly number[]): Digest[] => indices.map((at) => hashes[at]!)

/** A tree with some of its leaves and some of its earlier sizes. */
const cases = fc.integer({ min: 1, max: hashes.length }).chain((size) =>
  fc.record({
    size: fc.constant(size),
    indices: fc.uniqueArray(fc.nat(size - 1), { maxLength: 40 }).map(ascending),
    sizes: fc.uniqueArray(fc.integer({ min: 1, max: size }), { maxLength: 8 }).map(ascending),
  }),
)

function ascending(numbers: number[]): number[] {
  return numbers.sort((a, b) => a - b)
}

test("leads to the root of the tree, of each earlier size, and of the trees that end beside its leaves", () => {
  fc.assert(
    fc.property(cases, ({ size, indices, sizes }) => {
      const tree = hashes.slice(0, size)
      const part = treePartOf(tree, { indices, sizes })
      const beside = indices.flatMap((at) => (at === 0 ? [1] : [at, at + 1]))
      const led = rootsOfPart(leavesAt(indices), part, size, beside)
      const told = ascending([...new Set([size, ...sizes, ...beside])])
      expect(ascending([...led.keys()])).toEqual(told)
      const wrong = told.filter((at) => !equalBytes(led.get(at)!, rootAt(at)))
      expect(wrong).toEqual([])
    }),
    { numRuns: 300 },
  )
})

test("has as many hashes as the path of RFC 9162 for one leaf, and for one earlier size", () => {
  const names = (of: readonly Digest[]): string[] => of.map(toHex).sort()
  for (let size = 1; size <= 40; size++)
    for (let at = 0; at < size; at++) {
      const tree = hashes.slice(0, size)
      const part = treePartOf(tree, { indices: [at], sizes: [] })
      expect(names(part.hashes)).toEqual(names(inclusionPath(tree, at)))
      const earlier = treePartOf(tree, { indices: [], sizes: [at + 1] })
      const most = Math.max(1, 2 * consistencyPath(tree, at + 1).length)
      expect(earlier.hashes.length).toBeLessThanOrEqual(most)
    }
})

test("all leaves of a tree need no hash", () => {
  const indices = hashes.map((_, at) => at)
  expect(treePartOf(hashes, { indices, sizes: [7, 200] }).hashes).toEqual([])
})

test("tells nothing of a size that ends among leaves that it does not know", () => {
  const part = treePartOf(hashes, { indices: [0], sizes: [] })
  expect([...rootsOfPart(leavesAt([0]), part, 300, [2, 3, 200]).keys()]).toEqual([2, 300])
})

test("no leaf or hash of it can change and lead to the same root", () => {
  fc.assert(
    fc.property(cases, fc.nat(), fc.nat(), ({ size, indices, sizes }, pick, bit) => {
      const part = treePartOf(hashes.slice(0, size), { indices, sizes })
      const all = [...leavesAt(indices), ...part.hashes]
      const at = pick % all.length
      const changed = Uint8Array.from(all[at]!)
      changed[bit % 32]! ^= 1
      const mixed = all.with(at, changed)
      const [leaves, beside] = [mixed.slice(0, indices.length), mixed.slice(indices.length)]
      const led = rootsOfPart(leaves, { ...part, hashes: beside }, size)
      expect(led.get(size)).not.toEqual(rootAt(size))
    }),
    { numRuns: 200 },
  )
})

describe("refuses", () => {
  const whole = treePartOf(hashes.slice(0, 9), { indices: [2, 5], sizes: [4] })

  test.each<{ why: string; part?: Partial<TreePart>; size?: number; leaves?: number[] }>([
    { why: "a hash too few", part: { hashes: whole.hashes.slice(1) } },
    { why: "a hash too many", part: { hashes: [...whole.hashes, hashes[0]!] } },
    { why: "a hash of 31 bytes", part: { hashes: whole.hashes.with(0, new Uint8Array(31)) } },
    { why: "indices out of order", part: { indices: [5, 2] } },
    { why: "an index twice", part: { indices: [2, 2] } },
    { why: "an index outside the tree", part: { indices: [2, 9] } },
    { why: "a negative index", part: { indices: [-1, 2] } },
    { why: "a fraction as index", part: { indices: [1.5, 2] } },
    { why: "sizes out of order", part: { sizes: [4, 3] } },
    { why: "a size of nothing", part: { sizes: [0] } },
    { why: "a size beyond the tree's", part: { sizes: [10] } },
    { why: "a leaf too many", leaves: [2, 5, 6] },
    { why: "a leaf too few", leaves: [2] },
    { why: "an empty tree", size: 0 },
    { why: "a tree of no whole size", size: 8.5 },
    { why: "a tree beyond 2^53", size: 2 ** 53 },
  ])("$why", ({ part, size = 9, leaves = [2, 5] }) => {
    expect(() => rootsOfPart(leavesAt(leaves), { ...whole, ...part }, size)).toThrow(malformed)
  })

  test("places outside of a tree that is there", () => {
    expect(() => treePartOf(hashes.slice(0, 3), { indices: [3], sizes: [] })).toThrow(malformed)
  })
})

test("goes through a tree of 2^52 leaves as fast as through a small one", () => {
  const beside = Array.from({ length: 52 }, () => hashes[0]!)
  const part = { indices: [2 ** 51 + 5], sizes: [], hashes: beside }
  expect(rootsOfPart([hashes[1]!], part, 2 ** 52).size).toBe(1)
})
