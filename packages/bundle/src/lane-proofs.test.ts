import { canonicalize, sha256, treePartOf, utf8 } from "@amc/core"
import { expect, test } from "vitest"
import { encodeProofs, parseProofs } from "./lane-proofs.ts"

test("reads back what it wrote", () => {
  const leaves = Array.from({ length: 11 }, (_, at) => sha256(utf8(`leaf ${at}`)))
  const part = treePartOf(leaves, { indices: [0, 3, 10], sizes: [5, 8] })
  expect(parseProofs(encodeProofs(part))).toEqual(part)
})

const none = { hashes: [], indices: [], sizes: [] }
const base64 = (length: number): string => Buffer.alloc(length).toString("base64")

test.each([
  { why: "another member", value: { ...none, more: 1 } },
  { why: "no sizes", value: { hashes: [], indices: [] } },
  { why: "a negative index", value: { ...none, indices: [-1] } },
  { why: "a short hash", value: { ...none, hashes: [base64(31)] } },
  { why: "a hash of 33 bytes", value: { ...none, hashes: [base64(33)] } },
  {
    why: "more earlier trees than anybody looks at",
    value: { ...none, sizes: Array.from({ length: 1025 }, (_, at) => at) },
  },
])("refuses proofs with $why", ({ value }) => {
  expect(() => parseProofs(canonicalize(value))).toThrow(
    expect.objectContaining({ code: "input/malformed" }),
  )
})

test("refuses proofs in another spelling", () => {
  expect(() => parseProofs(utf8('{"hashes":[],"indices":[],"sizes": []}'))).toThrow(
    expect.objectContaining({ code: "input/malformed" }),
  )
})
