import * as fc from "fast-check"
import { expect, test } from "vitest"
import { fromHex } from "./bytes.ts"
import { encodeCheckpoint, parseCheckpoint } from "./checkpoint.ts"
import { isFault } from "./errors.ts"
import { ownVectors } from "./testing/vectors.ts"

interface Vectors {
  readonly accepted: readonly {
    why: string
    text: string
    origin: string
    size: number
    root: string
  }[]
  readonly refused: readonly { why: string; text: string }[]
}

const malformed: unknown = expect.objectContaining({ code: "input/malformed" })
const vectors = ownVectors<Vectors>("checkpoint.json")

test("there are vectors of both kinds", () => {
  expect(vectors.accepted.length).toBeGreaterThan(1)
  expect(vectors.refused.length).toBeGreaterThan(15)
})

test.each(vectors.accepted)("reads and writes $why", ({ text, origin, size, root }) => {
  const checkpoint = { origin, size, root: fromHex(root) }
  expect(parseCheckpoint(text)).toEqual(checkpoint)
  expect(encodeCheckpoint(checkpoint)).toBe(text)
})

test.each(vectors.refused)("refuses a checkpoint with $why", ({ text }) => {
  expect(() => parseCheckpoint(text)).toThrow(malformed)
})

const root = new Uint8Array(32).fill(1)

test.each([
  { why: "no origin", checkpoint: { origin: "", size: 1, root } },
  { why: "an origin of two lines", checkpoint: { origin: "a\nb", size: 1, root } },
  { why: "a fraction", checkpoint: { origin: "a", size: 1.5, root } },
  { why: "a negative size", checkpoint: { origin: "a", size: -1, root } },
  { why: "a size with an exponent", checkpoint: { origin: "a", size: 1e21, root } },
  { why: "a root of 31 bytes", checkpoint: { origin: "a", size: 1, root: root.subarray(1) } },
])("refuses to write a checkpoint with $why", ({ checkpoint }) => {
  expect(() => encodeCheckpoint(checkpoint)).toThrow(malformed)
})

test("each checkpoint has one spelling", () => {
  const { text } = vectors.accepted[0]!
  fc.assert(
    fc.property(
      fc.nat(text.length),
      fc.constantFrom("", "0", "1", "=", "\n", " ", "+"),
      (at, put) => {
        const near = text.slice(0, at) + put + text.slice(at + 1)
        try {
          expect(encodeCheckpoint(parseCheckpoint(near))).toBe(near)
        } catch (error) {
          if (!isFault(error, "input/malformed")) throw error
        }
      },
    ),
    { numRuns: 500 },
  )
})
