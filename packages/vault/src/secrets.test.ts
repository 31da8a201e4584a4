import { concatBytes, utf8 } from "@amc/core"
import * as fc from "fast-check"
import { expect, test } from "vitest"
import { encodeSecrets, parseSecrets, wipeSecrets } from "./secrets.ts"

const name = fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,8}(?:\/[a-z0-9][a-z0-9._-]{0,8}){0,2}$/u)
const secrets = fc.array(fc.tuple(name, fc.uint8Array({ minLength: 1, maxLength: 40 })), {
  maxLength: 6,
})

test("reads back the secrets that were written, whatever their order", () => {
  fc.assert(
    fc.property(secrets, (entries) => {
      const map = new Map(entries)
      const bytes = encodeSecrets(map)
      expect(parseSecrets(bytes)).toEqual(map)
      expect(encodeSecrets(new Map([...map].reverse()))).toEqual(bytes)
    }),
  )
})

test("refuses or reads any bytes, and what it reads has one spelling", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        expect(encodeSecrets(parseSecrets(bytes))).toEqual(bytes)
      } catch (error) {
        expect(error).toMatchObject({ code: "input/malformed" })
      }
    }),
  )
})

const one = encodeSecrets(new Map([["a", Uint8Array.of(1)]]))
const two = encodeSecrets(new Map([["b", Uint8Array.of(2)]]))

test.each([
  { why: "names out of order", bytes: concatBytes(two, one) },
  { why: "a name twice", bytes: concatBytes(one, one) },
  { why: "an empty secret", bytes: Uint8Array.of(1, 0x61, 0, 0, 0, 0) },
  { why: "an empty name", bytes: Uint8Array.of(0, 0, 0, 0, 1, 9) },
  { why: "a name with capitals", bytes: concatBytes(Uint8Array.of(1), utf8("A"), one.subarray(2)) },
  { why: "a size beyond the end", bytes: Uint8Array.of(1, 0x61, 0, 0, 0, 2, 9) },
  { why: "a cut entry", bytes: one.subarray(0, -1) },
  { why: "a cut header", bytes: one.subarray(0, 3) },
])("refuses $why", ({ bytes }) => {
  expect(() => parseSecrets(bytes)).toThrow(expect.objectContaining({ code: "input/malformed" }))
})

test.each([
  { why: "an unusable name", name: "../x", size: 1 },
  { why: "an empty secret", name: "x", size: 0 },
  { why: "a secret that is too long", name: "x", size: 16_385 },
])("does not write $why", ({ name, size }) => {
  expect(() => encodeSecrets(new Map([[name, new Uint8Array(size)]]))).toThrow(
    expect.objectContaining({ code: "input/malformed" }),
  )
})

test("wiping leaves zeros", () => {
  const secret = Uint8Array.of(1, 2, 3)
  wipeSecrets(new Map([["x", secret]]))
  expect(secret).toEqual(new Uint8Array(3))
})
