import sarif from "@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json" with { type: "json" }
import * as fc from "fast-check"
import { expect, test } from "vitest"
import { z } from "zod"
import { hostileTexts } from "../hostile.fixture.ts"
import { gateJson, gateJunit, gateMarkdown, gateMarker, gateSarif, gateText } from "../index.ts"
import { passed, refused, unlooked, withText } from "./gate.fixture.ts"
import { gateSchema, publishedGateSchema, readPublishedGateSchema } from "./gate-schema.fixture.ts"
import { ruleTexts } from "./rule-text.ts"

const outcomes = [
  { name: "refused", outcome: refused },
  { name: "passed", outcome: passed },
  { name: "unlooked", outcome: unlooked },
]
const ends = {
  gateText: "txt",
  gateJson: "json",
  gateJunit: "xml",
  gateMarkdown: "md",
  gateSarif: "sarif",
} as const
const renderers = { gateText, gateJson, gateJunit, gateMarkdown, gateSarif }
const unsteady = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u
const anyText = fc.oneof(
  fc.constantFrom(...hostileTexts),
  fc.string({ unit: "binary", maxLength: 80 }),
)

const golden = outcomes.flatMap(({ name, outcome }) =>
  Object.entries(renderers).map(([format, render]) => ({
    file: `${name}.${ends[format as keyof typeof renderers]}`,
    text: render(outcome),
  })),
)

test.each(golden)("B2 $file is the golden one, byte for byte", async ({ file, text }) => {
  await expect(text).toMatchFileSnapshot(`../../../../spec/vectors/gate/${file}`)
})

// The reader of schemas takes a reference for an address, which it is not.
const sarifSchema = z.fromJSONSchema(
  JSON.parse(JSON.stringify(sarif), (key, value) =>
    key === "format" && value === "uri-reference" ? undefined : value,
  ),
)

test("SARIF is what the schema of SARIF 2.1.0 asks for, whatever the texts are", () => {
  fc.assert(
    fc.property(anyText, fc.constantFrom(...outcomes), (text, { outcome }) => {
      sarifSchema.parse(JSON.parse(gateSarif(withText(outcome, text))))
    }),
    { numRuns: 50 },
  )
  const log = JSON.parse(gateSarif(refused))
  expect(() => sarifSchema.parse({ ...log, version: "2" })).toThrow()
})

test("the schema of a gate's JSON is published and holds", () => {
  expect(readPublishedGateSchema()).toBe(publishedGateSchema())
  for (const { outcome } of outcomes)
    expect(gateSchema.parse(JSON.parse(gateJson(outcome)))).toEqual(outcome)
})

test("no text from outside moves a cursor or hides a word in any format", () => {
  fc.assert(
    fc.property(anyText, fc.constantFrom(...outcomes), (text, { outcome }) => {
      for (const render of Object.values(renderers))
        expect(render(withText(outcome, text)).replaceAll("\n", "")).not.toMatch(unsteady)
    }),
    { numRuns: 200 },
  )
})

interface Node {
  readonly tag: string
  readonly attributes: Readonly<Record<string, string>>
}

/** The elements of XML in which nothing but plain elements, attributes and character references may stand. */
function elementsOf(xml: string): readonly Node[] {
  const open: string[] = []
  const nodes: Node[] = []
  const body = xml.replace(/^<\?xml version="1\.0" encoding="UTF-8"\?>\n/u, "")
  const token =
    /<(\/?)([a-z]+)((?: [a-z]+="[^"<&]*(?:&#\d+;[^"<&]*)*")*)(\/?)>|((?:[^<&>]|&#\d+;)+)/guy
  let at = 0
  for (const [whole, end = "", tag = "", words = "", empty = ""] of body.matchAll(token)) {
    at += whole.length
    if (end === "/") expect(open.pop()).toBe(tag)
    else if (tag !== "") {
      if (empty === "") open.push(tag)
      const found = [...words.matchAll(/ ([a-z]+)="([^"]*)"/gu)]
      nodes.push({
        tag,
        attributes: Object.fromEntries(found.map(([, key, value]) => [key, value])),
      })
    }
  }
  expect([at, open]).toEqual([body.length, []])
  return nodes
}

test("JUnit is well-formed whatever the texts are, and counts what it holds", () => {
  fc.assert(
    fc.property(anyText, fc.constantFrom(...outcomes), (text, { outcome }) => {
      const nodes = elementsOf(gateJunit(withText(outcome, text)))
      const count = (tag: string): string => String(nodes.filter((node) => node.tag === tag).length)
      for (const { attributes } of nodes.filter(({ tag }) => tag.startsWith("testsuite")))
        expect(attributes).toMatchObject({ tests: count("testcase"), failures: count("failure") })
      expect(nodes.map(({ tag }) => tag)).toEqual(
        elementsOf(gateJunit(outcome)).map(({ tag }) => tag),
      )
    }),
    { numRuns: 200 },
  )
})

test("a gate that did not pass has a failure in JUnit and SARIF, one that did has none", () => {
  for (const { outcome } of outcomes) {
    expect(gateJunit(outcome).includes("<failure")).toBe(!outcome.passed)
    const { results } = JSON.parse(gateSarif(outcome)).runs[0]
    expect(results.some(({ kind }: { kind: string }) => kind === "fail")).toBe(!outcome.passed)
  }
})

test("Markdown begins with its marker, and stays short enough for a comment", () => {
  const many = { ...refused, checks: Array.from({ length: 700 }, () => refused.checks[1]!) }
  for (const text of ["x", ...hostileTexts]) {
    const comment = gateMarkdown(withText(many, text))
    expect(comment.startsWith(`${gateMarker}\n`)).toBe(true)
    expect(comment.length).toBeLessThan(60_000)
  }
})

test("every rule has its sentence", () => {
  for (const text of ruleTexts.values()) expect(text).toMatch(/^[A-Z].*\.$/u)
})
