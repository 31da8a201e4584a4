import { type SignedLeaf, utf8 } from "@amc/core"
import { expect, test } from "vitest"
import { encodeSlice, parseSlice, type SliceFiles } from "./slice.ts"

const leaves: readonly SignedLeaf[] = ["a", "b", "c"].map((leaf) => ({
  leaf: utf8(leaf),
  signature: `signature of ${leaf}`,
}))
const slice = encodeSlice(leaves)

test("gives back leaves and signatures", () => {
  const parsed = parseSlice(slice)
  expect([...parsed]).toEqual(leaves)
  expect([...parsed]).toEqual(leaves)
  expect([...parseSlice(encodeSlice([]))]).toEqual([])
})

const signatures = (text: string): SliceFiles => ({ ...slice, signatures: utf8(text) })

test.each([
  { why: "no signatures", files: signatures("") },
  { why: "one too few", files: signatures("1\n2\n") },
  { why: "one too many", files: signatures("1\n2\n3\n4\n") },
  { why: "many too many", files: signatures("\n".repeat(100)) },
  { why: "no line feed at its end", files: signatures("1\n2\n3") },
  { why: "more than that line feed", files: signatures("1\n2\n3\n4") },
  { why: "signatures that are no text", files: { ...slice, signatures: Uint8Array.of(255, 10) } },
  {
    why: "more entries than an event's size allows",
    files: { entries: new Uint8Array(2 * 1100), signatures: utf8("\n".repeat(1100)) },
  },
])("a slice with $why is refused", ({ files }) => {
  expect(() => parseSlice(files)).toThrow(expect.objectContaining({ code: "input/malformed" }))
})

test("what is small is read whatever it holds, so that each leaf is judged", () => {
  const files = { entries: new Uint8Array(2 * 1024), signatures: utf8("\n".repeat(1024)) }
  expect([...parseSlice(files)]).toHaveLength(1024)
})
