import { describe, expect, test } from "vitest"
import { fromBase64 } from "../base64.ts"
import { toHex, utf8 } from "../bytes.ts"
import type { Digest } from "../digest.ts"
import { publicVectors } from "../testing/vectors.ts"
import { consistencyPath, verifyConsistency } from "./consistency.ts"
import { emptyRoot, hashLeaf, hashNode } from "./hash.ts"
import { inclusionPath, rootFromInclusion, verifyInclusion } from "./inclusion.ts"
import { levelsOf } from "./levels.ts"
import { MerkleAccumulator, rootOf } from "./tree.ts"

const MAX_LEAVES = 70
const leaves: readonly Digest[] = Array.from({ length: MAX_LEAVES }, (_, n) =>
  hashLeaf(utf8(`leaf ${n}`)),
)
const malformed: unknown = expect.objectContaining({ code: "proof/malformed" })

/** MTH as RFC 9162 section 2.1.1 writes it. */
function modelRoot(hashes: readonly Digest[]): Digest {
  if (hashes.length === 0) return emptyRoot
  if (hashes.length === 1) return hashes[0]!
  const k = 2 ** Math.ceil(Math.log2(hashes.length) - 1)
  return hashNode(modelRoot(hashes.slice(0, k)), modelRoot(hashes.slice(k)))
}

/** PATH as RFC 9162 section 2.1.3.1 writes it. */
function modelPath(m: number, hashes: readonly Digest[]): Digest[] {
  if (hashes.length === 1) return []
  const k = 2 ** Math.ceil(Math.log2(hashes.length) - 1)
  const [left, right] = [hashes.slice(0, k), hashes.slice(k)]
  return m < k
    ? [...modelPath(m, left), modelRoot(right)]
    : [...modelPath(m - k, right), modelRoot(left)]
}

test("knows the empty root and the roots of public logs' test trees", () => {
  expect(toHex(emptyRoot)).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
  const inputs = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
  ]
  const hashes = inputs.map((hex) => hashLeaf(new Uint8Array(Buffer.from(hex, "hex"))))
  expect(toHex(rootOf(hashes.slice(0, 1)))).toBe(
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  )
  expect(toHex(rootOf(hashes))).toBe(
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
  )
})

test("L15 a node can't be passed off as a leaf", () => {
  const [a, b] = leaves as [Digest, Digest]
  const bytes = new Uint8Array([...a, ...b])
  expect(hashLeaf(bytes)).not.toEqual(hashNode(a, b))
})

test("L14 repeating the last leaf gives another root", () => {
  const [a, b, c] = leaves as [Digest, Digest, Digest]
  expect(rootOf([a, b, c])).not.toEqual(rootOf([a, b, c, c]))
})

test("the accumulator has the model's root at every size", () => {
  const tree = new MerkleAccumulator()
  expect(tree.root()).toEqual(emptyRoot)
  for (const [at, leaf] of leaves.entries()) {
    tree.append(leaf)
    expect([tree.size, tree.root()]).toEqual([at + 1, modelRoot(leaves.slice(0, at + 1))])
  }
})

test("writing to a root does not change the tree", () => {
  const tree = new MerkleAccumulator()
  tree.root().fill(0)
  expect(tree.root()).toEqual(emptyRoot)
  tree.append(leaves[0]!)
  tree.root().fill(0)
  expect(tree.root()).toEqual(leaves[0])
})

test(`every leaf of every tree up to ${MAX_LEAVES} leaves has the model's proof, which verifies`, () => {
  for (let treeSize = 1; treeSize <= MAX_LEAVES; treeSize++) {
    const tree = leaves.slice(0, treeSize)
    const root = rootOf(tree)
    for (const [leafIndex, leaf] of tree.entries()) {
      const path = inclusionPath(tree, leafIndex)
      if (treeSize % 9 === 0) expect(path).toEqual(modelPath(leafIndex, tree))
      expect(verifyInclusion(leaf, { leafIndex, treeSize, path }, root)).toBe(true)
    }
    expect(levelsOf(tree).at(-1)).toEqual([root])
  }
})

test("L16 a proof fits no other leaf, index, size or root", () => {
  const root = rootOf(leaves)
  const proof = { leafIndex: 41, treeSize: MAX_LEAVES, path: inclusionPath(leaves, 41) }
  for (let n = 0; n < MAX_LEAVES; n++) {
    expect(verifyInclusion(leaves[n]!, proof, root)).toBe(n === 41)
    expect(verifyInclusion(leaves[41]!, { ...proof, leafIndex: n }, root)).toBe(n === 41)
    expect(verifyInclusion(leaves[41]!, proof, rootOf(leaves.slice(0, n)))).toBe(false)
  }
  expect(verifyInclusion(leaves[41]!, { ...proof, treeSize: 2 ** 40 }, root)).toBe(false)
})

test("every tree extends each of its beginnings, and no other tree", () => {
  for (let newSize = 1; newSize <= 40; newSize++) {
    const tree = leaves.slice(0, newSize)
    const newRoot = rootOf(tree)
    for (let oldSize = 1; oldSize <= newSize; oldSize++) {
      const proof = {
        oldSize,
        newSize,
        oldRoot: rootOf(tree.slice(0, oldSize)),
        newRoot,
        path: consistencyPath(tree, oldSize),
      }
      expect(verifyConsistency(proof)).toBe(true)
      expect(verifyConsistency({ ...proof, oldRoot: leaves[69]! })).toBe(false)
      expect(verifyConsistency({ ...proof, newRoot: leaves[69]! })).toBe(false)
      expect(verifyConsistency({ ...proof, path: [...proof.path, leaves[69]!] })).toBe(false)
      if (proof.path.length > 0)
        expect(verifyConsistency({ ...proof, path: proof.path.slice(0, -1) })).toBe(false)
    }
  }
})

test("sizes beyond 32 bits are not cut", () => {
  const [leaf, sibling] = leaves as [Digest, Digest]
  const path = Array.from({ length: 40 }, () => sibling)
  const proof = { leafIndex: 2 ** 39 + 5, treeSize: 2 ** 40, path }
  const bits = Array.from({ length: 40 }, (_, at) => Math.floor(proof.leafIndex / 2 ** at) % 2)
  const root = bits.reduce(
    (node, bit) => (bit ? hashNode(sibling, node) : hashNode(node, sibling)),
    leaf,
  )
  expect(rootFromInclusion(leaf, proof)).toEqual(root)
  expect(verifyInclusion(leaf, { ...proof, leafIndex: 5 }, root)).toBe(false)
})

const [leaf] = leaves as [Digest]
test.each([
  { why: "an index outside the tree", proof: { leafIndex: 1, treeSize: 1, path: [] } },
  { why: "a negative index", proof: { leafIndex: -1, treeSize: 1, path: [] } },
  { why: "a fraction as index", proof: { leafIndex: 0.5, treeSize: 1, path: [] } },
  { why: "a size that is no number", proof: { leafIndex: 0, treeSize: Number.NaN, path: [] } },
  { why: "a size beyond 2^53", proof: { leafIndex: 0, treeSize: 2 ** 53, path: [] } },
  { why: "an empty tree", proof: { leafIndex: 0, treeSize: 0, path: [] } },
  { why: "a path that is too long", proof: { leafIndex: 0, treeSize: 1, path: [leaf] } },
  { why: "a path that is too short", proof: { leafIndex: 0, treeSize: 3, path: [leaf] } },
  { why: "a path with 31 bytes", proof: { leafIndex: 0, treeSize: 2, path: [leaf.subarray(1)] } },
  { why: "a path with nothing", proof: { leafIndex: 0, treeSize: 2, path: [new Uint8Array(0)] } },
])("refuses an inclusion proof with $why", ({ proof }) => {
  expect(() => rootFromInclusion(leaf, proof)).toThrow(malformed)
  expect(verifyInclusion(leaf, proof, leaf)).toBe(false)
})

test("a bug is not taken for a bad proof", () => {
  const broken = { leafIndex: 0, treeSize: 1, path: null } as unknown as Parameters<
    typeof rootFromInclusion
  >[1]
  expect(() => verifyInclusion(leaf, broken, leaf)).toThrow(TypeError)
})

test.each([-1, 3, 0.5, Number.NaN])("there is no proof for leaf %s of three", (index) => {
  expect(() => inclusionPath(leaves.slice(0, 3), index)).toThrow(malformed)
})

test.each([-1, 0, 4, 1.5, Number.NaN])(
  "there is no proof that three leaves extend %s",
  (oldSize) => {
    expect(() => consistencyPath(leaves.slice(0, 3), oldSize)).toThrow(malformed)
  },
)

const same = { oldSize: 1, newSize: 1, oldRoot: leaf, newRoot: leaf, path: [] as Digest[] }
test.each([
  { why: "an old size that is no integer", proof: { ...same, oldSize: 0.5 } },
  { why: "a new size beyond 2^53", proof: { ...same, newSize: 2 ** 53 } },
  { why: "an old tree that is larger", proof: { ...same, oldSize: 2 } },
  {
    why: "two empty trees",
    proof: { ...same, oldSize: 0, newSize: 0, oldRoot: emptyRoot, newRoot: emptyRoot },
  },
  { why: "an empty old tree", proof: { ...same, oldSize: 0, oldRoot: emptyRoot } },
  { why: "a path though the sizes are equal", proof: { ...same, path: [leaf] } },
  {
    why: "an old root of 31 bytes",
    proof: { ...same, newSize: 2, oldRoot: leaf.subarray(1), path: [leaf] },
  },
  { why: "other roots though the sizes are equal", proof: { ...same, newRoot: leaves[1]! } },
  { why: "no path where one is needed", proof: { ...same, oldSize: 3, newSize: 5 } },
  { why: "a path with nothing", proof: { ...same, newSize: 2, path: [new Uint8Array(0)] } },
])("refuses a consistency proof with $why", ({ proof }) => {
  expect(verifyConsistency(proof)).toBe(false)
})

interface Probe {
  readonly name: string
  readonly wantErr: boolean
  readonly proof: readonly string[] | null
}

describe("public probes", () => {
  const inclusion =
    publicVectors<
      readonly (Probe & { leafIdx: number; treeSize: number; root: string; leafHash: string })[]
    >("merkle-inclusion.json")
  const consistency =
    publicVectors<
      readonly (Probe & { size1: number; size2: number; root1: string; root2: string })[]
    >("merkle-consistency.json")

  test("there are 196 of them", () => {
    expect(inclusion.length + consistency.length).toBe(196)
  })

  test.each(inclusion)(
    "L16 inclusion $name",
    ({ leafIdx, treeSize, root, leafHash, proof, wantErr }) => {
      const path = (proof ?? []).map(fromBase64)
      const claim = { leafIndex: leafIdx, treeSize, path }
      expect(verifyInclusion(fromBase64(leafHash), claim, fromBase64(root))).toBe(!wantErr)
    },
  )

  test.each(consistency)(
    "L16 consistency $name",
    ({ size1, size2, root1, root2, proof, wantErr }) => {
      const [oldRoot, newRoot] = [fromBase64(root1), fromBase64(root2)]
      const path = (proof ?? []).map(fromBase64)
      const claim = { oldSize: size1, newSize: size2, oldRoot, newRoot, path }
      expect(verifyConsistency(claim)).toBe(!wantErr)
    },
  )
})
