import * as fc from "fast-check"
import { expect, test } from "vitest"
import { toHex, utf8 } from "./bytes.ts"
import * as browser from "./crypto-browser.ts"
import * as node from "./crypto-node.ts"
import { digestText, parseDigestText, sha256, sha256Hex } from "./digest.ts"

const ofAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

test("knows the digest of abc (FIPS 180-4)", () => {
  expect(sha256Hex(utf8("abc"))).toBe(ofAbc)
  expect(digestText(sha256(utf8("abc")))).toBe(`sha256:${ofAbc}`)
})

test("node and browsers digest alike", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(node.sha256(bytes)).toEqual(browser.sha256(bytes))
    }),
  )
})

test("a digest survives its text form", () => {
  expect(toHex(parseDigestText(`sha256:${ofAbc}`))).toBe(ofAbc)
})

test.each([
  { why: "no algorithm", text: ofAbc },
  { why: "another algorithm", text: `sha512:${ofAbc}` },
  { why: "upper case", text: `sha256:${ofAbc.toUpperCase()}` },
  { why: "too few digits", text: `sha256:${ofAbc.slice(2)}` },
  { why: "too many digits", text: `sha256:${ofAbc}00` },
])("refuses a digest with $why", ({ text }) => {
  expect(() => parseDigestText(text)).toThrow(expect.objectContaining({ code: "input/malformed" }))
})
