import * as fc from "fast-check"
import { expect, test } from "vitest"
import { fromBase64, fromBase64url, toBase64, toBase64url } from "./base64.ts"

const malformed: unknown = expect.objectContaining({ code: "input/malformed" })

test("writes what node writes, and reads it back", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString("base64"))
      expect(toBase64url(bytes)).toBe(Buffer.from(bytes).toString("base64url"))
      expect(fromBase64(toBase64(bytes))).toEqual(bytes)
      expect(fromBase64url(toBase64url(bytes))).toEqual(bytes)
    }),
  )
})

const nearBase64 = fc.string({ unit: fc.constantFrom(..."AQg/+-_= \n9"), maxLength: 9 })

test.each([
  { name: "base64", read: fromBase64, write: toBase64 },
  { name: "base64url", read: fromBase64url, write: toBase64url },
])("no two texts of $name give the same bytes", ({ read, write }) => {
  fc.assert(
    fc.property(nearBase64, (text) => {
      try {
        expect(write(read(text))).toBe(text)
      } catch (error) {
        expect(error).toEqual(malformed)
      }
    }),
    { numRuns: 2000 },
  )
})

test.each([
  { why: "missing padding", text: "AA" },
  { why: "surplus padding", text: "AAAA====" },
  { why: "only padding", text: "====" },
  { why: "three signs of padding", text: "A===" },
  { why: "padding inside", text: "AA==AAAA" },
  { why: "unused bits after one byte", text: "AB==" },
  { why: "unused bits after two bytes", text: "AAB=" },
  { why: "white space", text: "AA A" },
  { why: "a newline at the end", text: "AAA\n" },
  { why: "the other alphabet", text: "__-_" },
  { why: "a letter that is not ascii", text: "AAA\u0100" },
])("refuses base64 with $why", ({ text }) => {
  expect(() => fromBase64(text)).toThrow(malformed)
})

test.each([
  { why: "padding", text: "AA==" },
  { why: "an impossible length", text: "AAAAA" },
  { why: "unused bits", text: "AB" },
  { why: "the other alphabet", text: "//+/" },
])("refuses base64url with $why", ({ text }) => {
  expect(() => fromBase64url(text)).toThrow(malformed)
})
