import * as fc from "fast-check"
import { expect, test } from "vitest"
import { encodeEntries, parseEntries } from "./entry-bundle.ts"

test("frames entries as C2SP tlog-tiles does", () => {
  expect(encodeEntries([Uint8Array.of(7, 8), new Uint8Array(0)])).toEqual(
    Uint8Array.of(0, 2, 7, 8, 0, 0),
  )
})

test("gives back any entries, also from the middle of a larger array", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 })), fc.nat(9), (entries, offset) => {
      const encoded = encodeEntries(entries)
      const larger = new Uint8Array(encoded.length + offset)
      larger.set(encoded, offset)
      expect(parseEntries(larger.subarray(offset)).map((entry) => [...entry])).toEqual(
        entries.map((entry) => [...entry]),
      )
    }),
  )
})

test.each([
  { why: "half a length", bytes: [0] },
  { why: "a leaf that is cut short", bytes: [0, 2, 7] },
  { why: "a length after its last leaf", bytes: [0, 1, 7, 0, 1] },
])("refuses entries with $why", ({ bytes }) => {
  expect(() => parseEntries(Uint8Array.from(bytes))).toThrow(
    expect.objectContaining({ code: "input/malformed" }),
  )
})

test("takes the longest entry and refuses a longer one", () => {
  expect(parseEntries(encodeEntries([new Uint8Array(65_535)]))).toHaveLength(1)
  expect(() => encodeEntries([new Uint8Array(65_536)])).toThrow(
    expect.objectContaining({ code: "input/too-large" }),
  )
})
