import * as fc from "fast-check"
import { expect, test } from "vitest"
import { type JsonScalar, JsonScan } from "./json-scan.ts"

type Seen = [string, JsonScalar | "container"][]

function scan(bytes: Uint8Array, cuts: readonly number[] = [], depth = 9): Seen | null {
  const seen: Seen = []
  const scanner = new JsonScan({
    depth,
    value: (path, value) => seen.push([path.join("/"), value === undefined ? "container" : value]),
  })
  let at = 0
  for (const cut of cuts) scanner.push(bytes.subarray(at, (at += cut)))
  scanner.push(bytes.subarray(at))
  return scanner.end() ? seen : null
}

function walk(value: unknown, path: string[] = []): Seen {
  const at = path.join("/")
  if (typeof value !== "object" || value === null) return [[at, value as JsonScalar]]
  const inner = Object.entries(value).flatMap(([name, each]) => walk(each, [...path, name]))
  return [[at, "container"], ...inner]
}

const spaces = fc.constantFrom(undefined, 1, "\t")

test("shows what JSON.parse gives, however the bytes are cut", () => {
  fc.assert(
    fc.property(
      fc.jsonValue({ maxDepth: 6 }),
      spaces,
      fc.array(fc.nat(9)),
      (value, space, cuts) => {
        const text = JSON.stringify(value, null, space)
        expect(scan(Buffer.from(text), cuts)).toEqual(walk(JSON.parse(text)))
      },
    ),
  )
})

test("an escape that is cut in two is still one", () => {
  const text = JSON.stringify({ a: '\\"', 'b\\\\"': "\\\\", c: '"\\n"' })
  const bytes = Buffer.from(text)
  const expected = walk(JSON.parse(text))
  for (let cut = 0; cut <= bytes.length; cut++) expect(scan(bytes, [cut])).toEqual(expected)
  expect(scan(bytes, Array(bytes.length).fill(1))).toEqual(expected)
})

test("accepts nothing that JSON.parse refuses, but for bytes inside strings that nobody reads", () => {
  const token = fc.constantFrom(
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"a"',
    "1",
    "-",
    "01",
    "true",
    "nul",
    " ",
    "1.",
    "é",
  )
  fc.assert(
    fc.property(fc.array(token, { maxLength: 9 }), (tokens) => {
      const text = tokens.join("")
      expect(scan(Buffer.from(text)) !== null).toBe(isJson(text))
    }),
    { numRuns: 2000 },
  )
})

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

test("passes over what lies too deep, and hands over a long string cut", () => {
  const text = JSON.stringify({ a: { b: { c: 1 } }, long: "é".repeat(9000) })
  const seen = scan(Buffer.from(text), [], 2)!
  expect(seen.map(([path]) => path)).toEqual(["", "a", "a/b", "long"])
  expect((seen[3]![1] as string).length).toBeLessThanOrEqual(4096)
})

test.each([
  { why: "deep nesting", text: "[".repeat(100_000) },
  { why: "an endless number", text: "1".repeat(100) },
  { why: "an escape that JSON does not have", text: '{"a":"\\x"}' },
])("gives up on $why without throwing", ({ text }) => {
  expect(scan(Buffer.from(text))).toBeNull()
})

test("reads another document after an end", () => {
  const seen: unknown[] = []
  const scanner = new JsonScan({ depth: 1, value: (_path, value) => seen.push(value) })
  for (const text of ['{"a":', '["b"]', "3"]) {
    scanner.push(Buffer.from(text))
    seen.push(scanner.end())
  }
  expect(seen).toEqual([undefined, false, undefined, "b", true, 3, true])
})
