import { isDeepStrictEqual } from "node:util"
import oracle from "canonicalize"
import * as fc from "fast-check"
import { expect, test } from "vitest"
import { fromHex, text, utf8 } from "./bytes.ts"
import { canonicalize, type JsonValue, parseCanonical } from "./canonical.ts"
import { ownVectors } from "./testing/vectors.ts"

interface Vectors {
  readonly accepted: readonly { why: string; value: JsonValue; text: string }[]
  readonly refused: readonly { why: string; text?: string; hex?: string }[]
}

const malformed: unknown = expect.objectContaining({ code: "input/malformed" })
const vectors = ownVectors<Vectors>("canonical-json.json")

test("there are vectors of both kinds", () => {
  expect(vectors.accepted.length).toBeGreaterThan(10)
  expect(vectors.refused.length).toBeGreaterThan(20)
})

test.each(vectors.accepted)("spells $why", ({ value, text: spelling }) => {
  expect(text(canonicalize(value))).toBe(spelling)
  expect(parseCanonical(utf8(spelling))).toEqual(value)
})

test.each(vectors.refused)("S18 refuses to read $why", ({ text: spelling, hex }) => {
  const bytes = hex === undefined ? utf8(spelling!) : fromHex(hex)
  expect(() => parseCanonical(bytes)).toThrow(malformed)
})

class Point {
  readonly x = 1
}
const cycle: unknown[] = []
cycle.push(cycle)

test.each([
  { why: "a fraction", value: 0.5 },
  { why: "minus zero", value: -0 },
  { why: "not a number", value: Number.NaN },
  { why: "infinity", value: Number.POSITIVE_INFINITY },
  { why: "2^53", value: 2 ** 53 },
  { why: "a bigint", value: 1n },
  { why: "undefined", value: undefined },
  { why: "a member that is undefined", value: { a: undefined } },
  { why: "a hole", value: [1, , 2] }, // oxlint-disable-line no-sparse-arrays
  { why: "a symbol", value: [Symbol("a")] },
  { why: "a function", value: { a: () => 1 } },
  { why: "a map", value: new Map([["a", 1]]) },
  { why: "a date", value: new Date(0) },
  { why: "bytes", value: Uint8Array.of(1) },
  { why: "a boxed number", value: Object(1) as unknown },
  { why: "an object of a class", value: { a: new Point() } },
  { why: "an inherited member", value: Object.create({ a: 1 }) as unknown },
  { why: "a toJSON function", value: { toJSON: () => 1 } },
  {
    why: "a hidden toJSON function",
    value: Object.defineProperty({}, "toJSON", { value: () => 1, enumerable: false }) as unknown,
  },
  { why: "an array with a toJSON function", value: Object.assign([1], { toJSON: () => 1 }) },
  { why: "a lone surrogate", value: "\udfff" },
  { why: "a lone surrogate in a name", value: { "\ud800": 1 } },
  { why: "a member named __proto__", value: JSON.parse('{"__proto__":1}') as unknown },
  { why: "a cycle", value: cycle },
])("S18 refuses to write $why", ({ value }) => {
  expect(() => canonicalize(value as JsonValue)).toThrow(malformed)
})

test("writes an object without a prototype and a member named toJSON", () => {
  const value = Object.assign(Object.create(null) as object, { toJSON: "x", a: 1 }) as JsonValue
  expect(text(canonicalize(value))).toBe('{"a":1,"toJSON":"x"}')
})

const { value: json } = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, false),
    fc.maxSafeInteger(),
    fc.string({ unit: "binary" }),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(
      fc
        .oneof(fc.string({ unit: "binary" }), fc.nat(30).map(String))
        .filter((k) => k !== "__proto__"),
      tie("value"),
      { maxKeys: 6 },
    ),
  ),
}))

test("reads back what it writes", () => {
  fc.assert(
    fc.property(json, (value) => {
      expect(parseCanonical(canonicalize(value))).toEqual(structuredClone(value))
    }),
  )
})

test("writes what a serialiser of RFC 8785 writes", () => {
  fc.assert(
    fc.property(json, (value) => {
      expect(text(canonicalize(value))).toBe(oracle(value))
    }),
    { numRuns: 500 },
  )
})

test("equal values have equal bytes, and different values different bytes", () => {
  const reordered = (value: JsonValue): JsonValue =>
    JSON.parse(JSON.stringify(value), (_, v: unknown) =>
      v !== null && typeof v === "object" && !Array.isArray(v)
        ? Object.fromEntries(Object.entries(v).toReversed())
        : v,
    ) as JsonValue
  fc.assert(
    fc.property(json, json, (a, b) => {
      expect(canonicalize(reordered(a))).toEqual(canonicalize(a))
      const same = text(canonicalize(a)) === text(canonicalize(b))
      expect(same).toBe(isDeepStrictEqual(structuredClone(a), structuredClone(b)))
    }),
  )
})

test("any bytes are refused or are the one spelling", () => {
  const near = fc.string({ unit: fc.constantFrom(...'{}[],:"ab01-.e \\'), maxLength: 12 })
  fc.assert(
    fc.property(fc.oneof(near.map(utf8), fc.uint8Array({ maxLength: 8 })), (bytes) => {
      try {
        expect(canonicalize(parseCanonical(bytes))).toEqual(bytes)
      } catch (error) {
        expect(error).toEqual(malformed)
      }
    }),
    { numRuns: 3000 },
  )
})
