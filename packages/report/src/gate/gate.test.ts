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

test("a gate that did not pass has a failure in JUnit and SARIF, one that did has none", () => {
  for (const { outcome } of outcomes) {
    expect(gateJunit(outcome).includes("<failure")).toBe(!outcome.passed)
    const { results } = JSON.parse(gateSarif(outcome)).runs[0]
    expect(results.some(({ kind }: { kind: string }) => kind === "fail")).toBe(!outcome.passed)
  }
})

// GitHub refuses a comment of more than 65,536 characters or 262,144 bytes, and a step summary of more than 1 MiB.
test("B2: Markdown begins with its marker, and is within the limits of a comment and a step summary", () => {
  const many = { ...refused, checks: Array.from({ length: 700 }, () => refused.checks[1]!) }
  for (const text of ["x", "界".repeat(300), "\u{1F600}".repeat(300), ...hostileTexts]) {
    const comment = gateMarkdown(withText(many, text))
    expect(comment.startsWith(`${gateMarker}\n`)).toBe(true)
    expect(comment.length).toBeLessThan(60_000)
    expect(Buffer.byteLength(comment)).toBeLessThan(262_144)
  }
})

test("every rule has its sentence", () => {
  for (const text of ruleTexts.values()) expect(text).toMatch(/^[A-Z].*\.$/u)
})
