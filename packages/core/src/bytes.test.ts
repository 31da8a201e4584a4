import * as fc from "fast-check"
import { expect, test } from "vitest"
import { concatBytes, equalBytes, fromHex, text, toHex, utf8 } from "./bytes.ts"

const malformed: unknown = expect.objectContaining({ code: "input/malformed" })

test("well-formed text survives utf-8", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (value) => {
      expect(text(utf8(value))).toBe(value)
    }),
  )
})

test("bytes are refused or survive as text", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 6 }), (bytes) => {
      const read = ((): string | undefined => {
        try {
          return text(bytes)
        } catch (error) {
          expect(error).toEqual(malformed)
          return undefined
        }
      })()
      if (read !== undefined) expect(utf8(read)).toEqual(bytes)
    }),
  )
})

test("a byte order mark is not dropped", () => {
  expect(text(Uint8Array.of(0xef, 0xbb, 0xbf))).toBe("\ufeff")
})

test("a lone surrogate has no bytes", () => {
  expect(() => utf8("a\ud800")).toThrow(malformed)
})

test("bytes survive hexadecimal", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      expect(fromHex(toHex(bytes))).toEqual(bytes)
    }),
  )
})

test.each([
  { why: "an odd length", hex: "abc" },
  { why: "upper case", hex: "AB" },
  { why: "a letter beyond f", hex: "0g" },
  { why: "a prefix", hex: "0x" },
  { why: "white space", hex: " 1" },
  { why: "a newline at the end", hex: "00a\n" },
])("refuses hexadecimal with $why", ({ hex }) => {
  expect(() => fromHex(hex)).toThrow(malformed)
})

test("parts are joined in order", () => {
  const joined = concatBytes(Uint8Array.of(1), new Uint8Array(0), Uint8Array.of(2, 3))
  expect(joined).toEqual(Uint8Array.of(1, 2, 3))
  expect(concatBytes()).toEqual(new Uint8Array(0))
})

test.each([
  { why: "nothing", a: [], b: [], equal: true },
  { why: "the same", a: [1, 2], b: [1, 2], equal: true },
  { why: "another last byte", a: [1, 2], b: [1, 3], equal: false },
  { why: "a prefix", a: [1, 2], b: [1], equal: false },
])("compares $why", ({ a, b, equal }) => {
  expect(equalBytes(Uint8Array.from(a), Uint8Array.from(b))).toBe(equal)
})
