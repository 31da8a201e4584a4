import * as fc from "fast-check"
import { expect, test } from "vitest"
import { hostileTexts } from "../hostile.fixture.ts"
import { gateJunit } from "../index.ts"
import { passed, refused, unlooked, withText } from "./gate.fixture.ts"

const anyText = fc.oneof(
  fc.constantFrom(...hostileTexts),
  fc.string({ unit: "binary", maxLength: 80 }),
)

interface Element {
  readonly tag: string
  readonly attributes: Readonly<Record<string, string>>
  readonly children: Element[]
  text: string
}

/** The tree of XML in which nothing but plain elements, attributes and character references may stand. */
function treeOf(xml: string): Element {
  const top: Element = { tag: "", attributes: {}, children: [], text: "" }
  const open = [top]
  const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n'
  expect(xml.startsWith(declaration)).toBe(true)
  const body = xml.slice(declaration.length)
  const token =
    /<(\/?)([a-z-]+)((?: [a-z]+="[^"<&]*(?:&#\d+;[^"<&]*)*")*)(\/?)>|((?:[^<&>]|&#\d+;)+)/guy
  let at = 0
  for (const [whole, end = "", tag = "", words = "", empty = ""] of body.matchAll(token)) {
    at += whole.length
    const parent = open.at(-1)!
    if (tag === "") parent.text += whole
    else if (end === "/") expect(open.pop()?.tag).toBe(tag)
    else {
      const found = [...words.matchAll(/ ([a-z]+)="([^"]*)"/gu)]
      const attributes = Object.fromEntries(found.map(([, key, value]) => [key, value!]))
      expect(Object.keys(attributes)).toHaveLength(found.length)
      const element = { tag, attributes, children: [], text: "" }
      parent.children.push(element)
      if (empty === "") open.push(element)
    }
  }
  expect([at, open]).toEqual([body.length, [top]])
  expect(top.children).toHaveLength(1)
  return top.children[0]!
}

const any = /^/u
const some = /./u
const whole = /^\d+$/u

/**
 * What holds under both schemas that are in use: Ant's (windyroad/JUnit-Schema, JUnit.xsd) and that of Jenkins'
 * xunit-plugin (junit-10.xsd). Every attribute is there; children stand in this order.
 */
const shapes: Readonly<
  Record<
    string,
    {
      readonly attributes: Readonly<Record<string, RegExp>>
      readonly children: RegExp
      readonly hasText?: boolean
    }
  >
> = {
  testsuites: { attributes: {}, children: /^testsuite $/u },
  testsuite: {
    attributes: {
      name: some,
      package: any,
      id: /^0$/u,
      tests: whole,
      failures: whole,
      errors: whole,
      skipped: whole,
      time: /^\d+(?:\.\d+)?$/u,
      // Ant's allows no zone.
      timestamp: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/u,
      hostname: some,
    },
    children: /^properties (?:testcase )*system-out system-err $/u,
  },
  properties: { attributes: {}, children: /^(?:property )*$/u },
  property: { attributes: { name: some, value: any }, children: /^$/u },
  testcase: {
    attributes: { name: any, classname: any, time: /^\d+(?:\.\d+)?$/u },
    children: /^(?:failure )?$/u,
  },
  failure: { attributes: { message: any, type: any }, children: /^$/u, hasText: true },
  "system-out": { attributes: {}, children: /^$/u },
  "system-err": { attributes: {}, children: /^$/u },
}

function requireShape({ tag, attributes, children, text }: Element): void {
  const shape = shapes[tag]
  if (shape === undefined) throw new Error(`no schema has an element ${tag}`)
  expect(Object.keys(attributes).sort(), tag).toEqual(Object.keys(shape.attributes).sort())
  for (const [name, pattern] of Object.entries(shape.attributes))
    expect(attributes[name], `${tag} ${name}`).toMatch(pattern)
  expect(children.map((child) => `${child.tag} `).join(""), tag).toMatch(shape.children)
  if (shape.hasText !== true) expect(text.trim(), tag).toBe("")
  children.forEach(requireShape)
}

function countOf(element: Element, tag: string): number {
  const below = element.children.map((child) => countOf(child, tag))
  return below.reduce((sum, each) => sum + each, element.tag === tag ? 1 : 0)
}

test("B2: JUnit holds under the schemas of Ant and Jenkins whatever the texts are, and counts what it has", () => {
  fc.assert(
    fc.property(anyText, fc.constantFrom(refused, passed, unlooked), (text, outcome) => {
      const tree = treeOf(gateJunit(withText(outcome, text)))
      requireShape(tree)
      const [suite] = tree.children
      expect(suite?.attributes).toMatchObject({
        tests: String(countOf(tree, "testcase")),
        failures: String(countOf(tree, "failure")),
      })
      const plain = treeOf(gateJunit(outcome))
      for (const tag of Object.keys(shapes)) expect(countOf(tree, tag)).toBe(countOf(plain, tag))
    }),
    { numRuns: 200 },
  )
})

test("JUnit says in a failure's text what was found, asked for, and the way out", () => {
  const xml = gateJunit(refused)
  expect(xml).toContain(
    ">level 1; asked for: at least level 2\nway out: SK-02: 5 of 8 sessions</failure>",
  )
})
