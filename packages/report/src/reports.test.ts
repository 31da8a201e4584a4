import * as fc from "fast-check"
import { expect, test } from "vitest"
import type { Dossier } from "./dossier.ts"
import { readDossiers } from "./dossier.fixture.ts"
import { dossierSchema, publishedSchema, readPublishedSchema } from "./dossier-schema.fixture.ts"
import {
  compassPicture,
  goldenFiles,
  readGolden,
  readPicture,
  renderers,
} from "./golden.fixture.ts"
import { hostileTexts, withHostile } from "./hostile.fixture.ts"
import { behindLines, htmlReport, jsonReport, markdownReport } from "./index.ts"

const dossiers = readDossiers()
const unsteady = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u

/** Any text, and every one of those that are known to break something. */
const anyText = fc.oneof(
  fc.constantFrom(...hostileTexts),
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.array(fc.constantFrom(...hostileTexts), { maxLength: 4 }).map((texts) => texts.join(" ")),
)
const anyName = fc.constantFrom(...dossiers.map(({ name }) => name))

function named(name: string): Dossier {
  const found = dossiers.find((each) => each.name === name)
  if (found === undefined) throw new Error(`there is no case ${name}`)
  return found.dossier
}

const golden = goldenFiles()

test.each([...golden.keys()])("S9 %s is the golden one, byte for byte", (name) => {
  expect(golden.get(name)).toBe(readGolden(name))
})

test.each(dossiers)(
  "equal dossiers give equal bytes, in whatever order their members come: $name",
  ({ dossier }) => {
    const { json: _, ...others } = renderers
    const turned = Object.fromEntries(Object.entries(dossier).reverse()) as typeof dossier
    for (const render of Object.values(others)) expect(render(turned)).toBe(render(dossier))
  },
)

test.each(dossiers)("the schema of the JSON is published and holds: $name", ({ dossier }) => {
  expect(readPublishedSchema()).toBe(publishedSchema())
  expect(dossierSchema.parse(JSON.parse(jsonReport(dossier)))).toEqual(dossier)
})

test("the picture of the documents is what the program draws", () => {
  expect(readPicture()).toBe(compassPicture())
})

/** The tags of a page with the names of their attributes: what text from outside must not change. */
function skeletonOf(page: string): readonly string[] {
  const tags = page.match(/<[^>]*>/g) ?? []
  // A long name breaks into more lines of the compass.
  return tags.filter((tag) => !tag.includes("tspan")).map((tag) => tag.replaceAll(/="[^"]*"/g, ""))
}

test("no text from outside changes a tag or an attribute of the page", () => {
  const skeletons = new Map(
    dossiers.map(({ name, dossier }) => [name, skeletonOf(htmlReport(withHostile(dossier, "x")))]),
  )
  fc.assert(
    fc.property(anyName, anyText, (name, text) => {
      const page = htmlReport(withHostile(named(name), `x${text}`))
      expect(skeletonOf(page)).toEqual(skeletons.get(name))
      expect(page.replaceAll("\n", "")).not.toMatch(unsteady)
      expect(page).not.toMatch(/\p{M}{5}/u)
    }),
    { numRuns: 30 },
  )
})

test("nothing of the page leads outside or runs", () => {
  for (const { dossier } of dossiers) {
    const page = htmlReport(dossier)
    const tags = skeletonOf(page).join("")
    expect(tags).not.toMatch(
      /<(script|link|iframe|object|embed|base|form|img|image|use|a [^>]*target)/i,
    )
    expect(tags).not.toMatch(/ (on\w+|style|src|srcset|xlink:href)\b/)
    const links = page.match(/href="([^"]*)"/g) ?? []
    expect(links).toEqual(['href="#main"'])
    expect(page).not.toMatch(/url\(|@import/)
  }
})

/** What stays of Markdown when its code spans are gone. */
function outsideCode(text: string): string {
  return text.replaceAll(/`[^`\n]*`/g, "C")
}

test("no text from outside is more than text in Markdown", () => {
  fc.assert(
    fc.property(anyName, anyText, (name, hostile) => {
      const dossier = withHostile(named(name), hostile)
      const text = markdownReport(dossier)
      const rest = outsideCode(text.slice(3)).replaceAll(/<\/?(details|summary)>/g, "")
      expect(rest).not.toMatch(/[<>@[\]\\~$]|\*(?!\*)_|https?:|www\.|#|:\w+:/)
      expect(text.replaceAll("\n", "")).not.toMatch(unsteady)
      expect(text.length).toBeLessThanOrEqual(60_000)
    }),
    { numRuns: 100 },
  )
})

test("a cell from outside stays one cell", () => {
  fc.assert(
    fc.property(anyName, anyText, (name, hostile) => {
      const dossier = withHostile(named(name), hostile)
      const rows = markdownReport(dossier)
        .split("\n")
        .filter((line) => line.startsWith("|"))
      const widths = new Set(rows.map((row) => row.split("|").length))
      expect([...widths].every((width) => [8, 7, 5].includes(width))).toBe(true)
    }),
    { numRuns: 30 },
  )
})

test("Markdown stays short enough for a comment however large the report is", () => {
  const dossier = named("good")
  const { report } = dossier
  const [question] = report.questions as [(typeof report.questions)[number]]
  const questions = Array.from({ length: 20_000 }, () => ({ ...question, title: "y@".repeat(300) }))
  const reasons = Array.from({ length: 5000 }, () => "z@".repeat(200))
  const text = markdownReport({
    ...dossier,
    report: { ...report, questions, status_reasons: reasons },
  })
  expect(text.length).toBeLessThanOrEqual(60_000)
  expect(text).toContain("left out for length: see the HTML report.")
  expect(text).toContain("Check it yourself")
})

test("no text from outside steers a terminal", () => {
  fc.assert(
    fc.property(anyName, anyText, (name, hostile) => {
      const dossier = withHostile(named(name), hostile)
      for (const line of behindLines(dossier)) expect(line).not.toMatch(unsteady)
      expect(jsonReport(dossier).replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
    }),
    { numRuns: 100 },
  )
})

test("a time that no calendar has is shown as it is", () => {
  const dossier = named("good")
  const late = Number.MAX_SAFE_INTEGER
  const report = { ...dossier.report, stale_after_ms: late }
  for (const render of Object.values(renderers))
    expect(() => render({ ...dossier, report })).not.toThrow()
  expect(htmlReport({ ...dossier, report })).toContain(`${late} ms`)
})

test("D what the number does not say stands beside it, in every format that people read", () => {
  for (const { dossier } of dossiers)
    for (const text of [
      htmlReport(dossier),
      markdownReport(dossier),
      behindLines(dossier).join(" "),
    ]) {
      expect(text).toContain("does not guarantee")
      expect(text).toContain(`under posture ${dossier.report.posture}`)
    }
})

test("what would change a level stands beside it, where the engine tells it", () => {
  const dossier = named("good")
  const outlook = { clean_to_next: 16, fragile: true, drops_at_ms: 1_760_000_000_000 }
  const questions = dossier.report.questions.map((each) => ({ ...each, ...outlook }))
  const page = htmlReport({ ...dossier, report: { ...dossier.report, questions } })
  for (const text of [
    "16 clean sessions more, on enough days, would reach the next level.",
    "The loss of one session or day would lower it.",
    "Without new evidence it drops on 2025-10-09 by age alone.",
  ])
    expect(page).toContain(text)
})

test("S7 traces and results of others stand apart, as what others wrote", () => {
  const page = htmlReport(named("bad"))
  expect(page).toContain("Brought from outside")
  expect(page).toMatch(/with another body than was recorded<\/th>\s*<td class="num">1</)
  expect(markdownReport(named("bad"))).toContain("1 with another body than was recorded")
  expect(htmlReport(named("good"))).not.toContain("Brought from outside")
})

test("an INVALID report says first that it counts for nothing", () => {
  const invalid = named("invalid")
  for (const text of [htmlReport(invalid), markdownReport(invalid)])
    expect(text.indexOf("counts for nothing")).toBeLessThan(text.indexOf("Strategic Agent"))
})
