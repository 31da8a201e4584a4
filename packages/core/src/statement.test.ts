import * as fc from "fast-check"
import { expect, test } from "vitest"
import { text, utf8 } from "./bytes.ts"
import type { JsonObject } from "./canonical.ts"
import { encodeStatement, parseStatement } from "./statement.ts"
import { ownVectors } from "./testing/vectors.ts"

interface Vectors {
  readonly accepted: readonly {
    why: string
    text: string
    subject: { name: string; sha256: string }[]
    predicate_type: string
    predicate: JsonObject
  }[]
  readonly refused: readonly { why: string; text: string }[]
}

const malformed: unknown = expect.objectContaining({ code: "input/malformed" })
const { accepted, refused } = ownVectors<{ statements: Vectors }>("dsse.json").statements

test("there are vectors of both kinds", () => {
  expect(accepted.length).toBeGreaterThan(0)
  expect(refused.length).toBeGreaterThan(10)
})

test.each(accepted)("reads and writes a statement with $why", (vector) => {
  const subject = vector.subject.map(({ name, sha256 }) => ({ name, sha256hex: sha256 }))
  const statement = { subject, predicateType: vector.predicate_type, predicate: vector.predicate }
  expect(parseStatement(utf8(vector.text))).toEqual(statement)
  expect(text(encodeStatement(statement))).toBe(vector.text)
})

test.each(refused)("refuses a statement with $why", (vector) => {
  expect(() => parseStatement(utf8(vector.text))).toThrow(malformed)
})

test("refuses to write what it would not read", () => {
  const subject = [{ name: "a", sha256hex: "00" }]
  expect(() => encodeStatement({ subject, predicateType: "t", predicate: {} })).toThrow(malformed)
})

test("any statement survives", () => {
  const hex = fc
    .uint8Array({ minLength: 32, maxLength: 32 })
    .map((b) => Buffer.from(b).toString("hex"))
  const name = fc.string({ unit: "grapheme", minLength: 1 })
  const subject = fc.uniqueArray(fc.record({ name, sha256hex: hex }), {
    minLength: 1,
    maxLength: 4,
    selector: (s) => s.name,
  })
  fc.assert(
    fc.property(subject, name, fc.integer(), (subject, predicateType, n) => {
      const statement = { subject, predicateType, predicate: { n } }
      expect(parseStatement(encodeStatement(statement))).toEqual(statement)
    }),
  )
})
