import { canonicalize, inclusionPath, rootOf, sha256, utf8, verifyInclusion } from "@amc/core"
import * as fc from "fast-check"
import { expect, test } from "vitest"
import { encodeProofs, parseProofs, proveLeaves } from "./lane-proofs.ts"

const hashes = (size: number): Uint8Array[] =>
  Array.from({ length: size }, (_, at) => sha256(utf8(`leaf ${at}`)))

test("proves the leaves of every tree as RFC 9162 does", () => {
  for (let size = 1; size <= 70; size++) {
    const leaves = hashes(size)
    const all = leaves.map((_, at) => at)
    expect(proveLeaves(leaves, all)).toEqual(
      all.map((index) => ({ index, path: inclusionPath(leaves, index) })),
    )
  }
})

test("its proofs verify against the tree's root", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 600 }), fc.nat(), (size, pick) => {
      const leaves = hashes(size)
      const [proof] = proveLeaves(leaves, [pick % size])
      const { index: leafIndex, path } = proof!
      expect(
        verifyInclusion(leaves[leafIndex]!, { leafIndex, treeSize: size, path }, rootOf(leaves)),
      ).toBe(true)
    }),
    { numRuns: 50 },
  )
})

test("refuses a leaf outside the tree", () => {
  expect(() => proveLeaves(hashes(3), [3])).toThrow(
    expect.objectContaining({ code: "input/malformed" }),
  )
})

test("reads back what it wrote", () => {
  const proofs = proveLeaves(hashes(11), [0, 3, 10])
  expect(parseProofs(encodeProofs(proofs))).toEqual(proofs)
})

const node = Buffer.alloc(32).toString("base64")

test.each([
  { why: "another member", value: { leaves: [], more: 1 } },
  {
    why: "indices out of order",
    value: {
      leaves: [
        { index: 2, path: [] },
        { index: 1, path: [] },
      ],
    },
  },
  {
    why: "an index twice",
    value: {
      leaves: [
        { index: 1, path: [] },
        { index: 1, path: [] },
      ],
    },
  },
  { why: "a negative index", value: { leaves: [{ index: -1, path: [] }] } },
  {
    why: "a short hash",
    value: { leaves: [{ index: 0, path: [Buffer.alloc(31).toString("base64")] }] },
  },
  {
    why: "a hash of 33 bytes",
    value: { leaves: [{ index: 0, path: [Buffer.alloc(33).toString("base64")] }] },
  },
  {
    why: "a path longer than any tree is high",
    value: { leaves: [{ index: 0, path: Array.from({ length: 54 }, () => node) }] },
  },
])("refuses proofs with $why", ({ value }) => {
  expect(() => parseProofs(canonicalize(value))).toThrow(
    expect.objectContaining({ code: "input/malformed" }),
  )
})

test("refuses proofs in another spelling", () => {
  expect(() => parseProofs(utf8('{"leaves": []}'))).toThrow(
    expect.objectContaining({ code: "input/malformed" }),
  )
})
