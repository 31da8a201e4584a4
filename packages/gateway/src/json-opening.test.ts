import * as fc from "fast-check"
import { expect, test } from "vitest"
import { JsonScan } from "./json-scan.ts"

/** What is shown of documents in turn, each followed by whether it was JSON. */
function shownOf(documents: readonly (readonly string[])[], areAlike: boolean): unknown[] {
  const shown: unknown[] = []
  const visitor = {
    depth: 4,
    value: (path: readonly unknown[], value: unknown) => shown.push([path.join("/"), value]),
    enters: (path: readonly unknown[]) => path.at(-1) !== "hidden",
  }
  const scan = new JsonScan(visitor, areAlike)
  for (const pieces of documents) {
    for (const piece of pieces) scan.push(Buffer.from(piece, "latin1"))
    shown.push(scan.end())
  }
  return shown
}

function expectSame(documents: readonly (readonly string[])[]): void {
  expect(shownOf(documents, true)).toEqual(shownOf(documents, false))
}

const start = '{"id":"chatcmpl-1","object":"chunk","choices":[{"delta":{"content":'

test.each([
  { why: "texts", ends: ['"a"}}]}', '"b"}}]}', '"bc"}}]}', '"b"}}],"usage":{"n":3}}'] },
  { why: "numbers, one the start of another", ends: ["1}}]}", "1}}]}", "12}}]}", "1.5}}]}", "1"] },
  { why: "words", ends: ["null}}]}", "null}}]}", "nullx}}]}", "true}}]}"] },
  { why: "spaces", ends: ['1,"b":2}}]}', '1, "b":2}}]}', '1,  "b":2}}]}'] },
  { why: "escapes", ends: ['"a\\""}}]}', '"a\\n"}}]}', '"a\\""}}]}', '"a\\x"}}]}'] },
  { why: "brackets", ends: ["[1,2]}}]}", "[1,[2]]}}]}", "[1,[2]]}}]", "[]}}]}}"] },
  { why: "what is passed over", ends: ['{"hidden":{"a":1}}}}]}', '{"hidden":{"a":2},"b":3}}}]}'] },
])("documents that differ in $why only are read as if each came alone", ({ ends }) => {
  const documents = [...ends, ...ends].map((end) => [start + end])
  expectSame(documents)
})

test("documents are read alike however they begin and are cut", () => {
  const token = fc.constantFrom("{", "}", "[", "]", ",", ":", '"a"', '"hidden"', "1", "12", "null")
  const end = fc.oneof(
    fc.json(),
    fc.array(token, { maxLength: 6 }).map((some) => some.join("")),
  )
  const document = fc.tuple(fc.nat(start.length), end, fc.nat(90))
  fc.assert(
    fc.property(fc.array(document, { maxLength: 12 }), (drawn) => {
      expectSame(
        drawn.map(([shared, rest, cut]) => {
          const text = start.slice(0, shared < 20 ? shared : start.length) + rest
          return [text.slice(0, cut), text.slice(cut)]
        }),
      )
    }),
    { numRuns: 2000 },
  )
})
