import * as fc from "fast-check"
import { isFault } from "@amc/core"
import { expect, test } from "vitest"
import { JsonDocuments } from "./json-documents.ts"

function read(bytes: Uint8Array, cut: number = 7): { found: unknown[]; isTorn: boolean } {
  const documents = new JsonDocuments()
  const found: unknown[] = []
  for (let at = 0; at < bytes.length; at += cut)
    found.push(...documents.push(bytes.subarray(at, at + cut)))
  found.push(...documents.end())
  return { found, isTorn: documents.isTorn }
}

test.each([
  { why: "one a line", text: '{"a":1}\n{"a":2}\n', found: [{ a: 1 }, { a: 2 }] },
  { why: "a last line without its end", text: "1\n2", found: [1, 2] },
  { why: "blank lines", text: "\n\r\n1\n\n  \n2\n", found: [1, 2] },
  { why: "one document over lines", text: '{\n "a":\n [1,\n 2]}\n', found: [{ a: [1, 2] }] },
  { why: "one document in one line", text: '{"a":1}', found: [{ a: 1 }] },
  {
    why: "numbers of Python that JSON has not",
    text: '[NaN, -Infinity, "NaN \\"NaN"]\n{"NaN":Infinity}',
    found: [[null, null, 'NaN "NaN'], { NaN: null }],
  },
])("finds documents: $why, however the bytes are cut", ({ text, found }) => {
  const bytes = Buffer.from(text)
  for (const cut of [1, 2, 7, bytes.length])
    expect(read(bytes, cut)).toEqual({ found, isTorn: false })
})

test("a last line that breaks off is left out and told of", () => {
  expect(read(Buffer.from('{"a":1}\n{"a":'))).toEqual({ found: [{ a: 1 }], isTorn: true })
})

test.each([
  { why: "nothing", bytes: "" },
  { why: "blanks", bytes: " \n\n" },
  { why: "text", bytes: "hello" },
  { why: "text over lines", bytes: "hello\nworld\n" },
  { why: "a line in the middle that is no JSON", bytes: "1\nhello\n2\n" },
  { why: "a word that begins like a number of Python", bytes: "[NaNs]" },
  { why: "a byte order mark", bytes: "\uFEFF{}" },
  { why: "a zip archive", bytes: "PK\u0003\u0004\n\n" },
])("refuses $why", ({ bytes }) => {
  expect(() => read(Buffer.from(bytes))).toThrow(
    expect.objectContaining({ code: "input/malformed" }),
  )
})

test("an Inspect archive is refused with what makes JSON of it", () => {
  expect(() => read(Buffer.from("PK\u0003\u0004xxxx"))).toThrow(
    expect.objectContaining({ hint: expect.stringContaining("inspect log dump") }),
  )
})

test("any bytes give documents or a fault, and the cut changes neither", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.array(fc.json(), { maxLength: 6 }).map((lines) => Buffer.from(lines.join("\n"))),
  )
  fc.assert(
    fc.property(bytes, fc.integer({ min: 1, max: 40 }), (given, cut) => {
      expect(outcomeOf(given, cut)).toEqual(outcomeOf(given, given.length + 1))
    }),
    { numRuns: 500 },
  )
})

function outcomeOf(bytes: Uint8Array, cut: number): unknown {
  try {
    return read(bytes, cut)
  } catch (error) {
    if (!isFault(error)) throw error
    return [error.code, error.message]
  }
}
