import * as fc from "fast-check"
import { expect, test } from "vitest"
import { z } from "zod"
import { count, hex32, integer, label } from "./fact-field.ts"
import { factSchemas, factTypes } from "./facts.ts"
import { shapeCheck } from "./shape-check.ts"

type Schema = z.core.$ZodTypes
/** Values that a schema accepts. */
function valuesOf(schema: z.core.$ZodType): fc.Arbitrary<unknown> {
  const { def } = (schema as Schema)._zod
  switch (def.type) {
    case "string":
      return fc.stringMatching(patternOf(schema))
    case "number":
      return fc.nat({ max: Math.min((schema as z.ZodInt).maxValue ?? 0, 2 ** 31 - 1) })
    case "boolean":
      return fc.boolean()
    case "enum":
      return fc.constantFrom(...Object.values(def.entries))
    case "nullable":
      return fc.oneof(fc.constant(null), valuesOf(def.innerType))
    case "optional":
      return valuesOf(def.innerType)
    case "union":
      return fc.oneof(...def.options.map(valuesOf))
    case "array":
      return fc.array(valuesOf(def.element), { minLength: 1, maxLength: 3 })
    case "record":
      return fc.dictionary(fc.string({ maxLength: 8 }), valuesOf(def.valueType), {
        noNullPrototype: true,
      })
    case "object":
      return fc.record(
        Object.fromEntries(Object.entries(def.shape).map(([name, of]) => [name, valuesOf(of)])),
        {
          noNullPrototype: true,
          requiredKeys: Object.entries(def.shape).flatMap(([name, of]) =>
            of._zod.def.type === "optional" ? [] : name,
          ),
        },
      )
    default:
      throw new Error(`no values of ${def.type}`)
  }
}

function patternOf(schema: z.core.$ZodType): RegExp {
  const found = (schema._zod.def.checks ?? []).map(
    (check) => check._zod.def as { pattern?: RegExp },
  )
  return found.find(({ pattern }) => pattern !== undefined)?.pattern ?? /^[a-z]{1,8}$/
}

/** What is not quite such a value: one part of it is something else, gone, or more. */
const strange: fc.Arbitrary<unknown> = fc.oneof(
  fc.anything(),
  fc.constantFrom(
    undefined,
    null,
    -1,
    0.5,
    -0,
    2 ** 53,
    Infinity,
    "",
    "x".repeat(300),
    "AB".repeat(32),
    [],
    {},
  ),
  fc.constantFrom(
    Object.create({ x: 1 }),
    new Map(),
    "\ud800",
    Object.create(null),
    new String("x"),
  ),
)

function withOnePartChanged(value: unknown): fc.Arbitrary<unknown> {
  if (typeof value !== "object" || value === null) return strange
  const keys = Object.keys(value)
  const set = (key: string, held: unknown): unknown =>
    Array.isArray(value)
      ? value.map((old, at) => (String(at) === key ? held : old))
      : { ...value, [key]: held }
  return fc.oneof(
    strange,
    strange.map((held) => set("surplus", held)),
    ...keys.map((key) =>
      withOnePartChanged((value as Record<string, unknown>)[key]).map((held) => set(key, held)),
    ),
    ...keys.map((gone) =>
      fc.constant(Object.fromEntries(Object.entries(value).filter(([key]) => key !== gone))),
    ),
  )
}

test.each(factTypes)(
  "the facts of %s pass as quickly as they may, and nothing else does",
  (type) => {
    const schema = factSchemas[type]
    const check = shapeCheck(schema)
    fc.assert(
      fc.property(
        valuesOf(schema).chain((good) => fc.tuple(fc.constant(good), withOnePartChanged(good))),
        ([good, changed]) => {
          expect(check(good)).toBe(true)
          if (check(changed)) expect(schema.safeParse(changed).success).toBe(true)
        },
      ),
    )
  },
)

test.each([
  { why: "a bound that is not reached", schema: count, value: -1 },
  { why: "a number beyond the exact ones", schema: integer, value: 2 ** 53 },
  { why: "a text that is too short", schema: label, value: "" },
  { why: "a text that is too long", schema: label, value: "x".repeat(257) },
  { why: "digits in upper case", schema: hex32, value: "AB".repeat(32) },
  { why: "a digit too few", schema: hex32, value: "ab".repeat(32).slice(1) },
  { why: "a line end after the digits", schema: hex32, value: `${"ab".repeat(32)}\n` },
  { why: "an exclusive bound", schema: z.int().lt(5), value: 5 },
  { why: "another literal", schema: z.literal(1), value: "1" },
  { why: "too long a list", schema: z.array(count).max(1), value: [1, 2] },
  { why: "a hole in a list", schema: z.array(count), value: Array(1) },
  {
    why: "a member of its prototype",
    schema: z.strictObject({ a: count }),
    value: Object.create({ a: 1 }),
  },
])("refuses to say yes to $why", ({ schema, value }) => {
  expect(shapeCheck(schema)(value)).toBe(false)
})

test("knows the digits of a digest from all other characters", () => {
  const check = shapeCheck(hex32)
  for (let code = 0; code < 0x300; code++) {
    const text = `${"ab".repeat(31)}a${String.fromCharCode(code)}`
    expect(check(text)).toBe(hex32.safeParse(text).success)
  }
})

test.each([
  { why: "a transformation", schema: z.string().transform(Number), value: "1" },
  { why: "a trimmed text", schema: z.string().trim(), value: "x" },
  { why: "a refinement", schema: z.string().refine((text) => text === "y"), value: "y" },
  { why: "a format", schema: z.email(), value: "a@b.example" },
  { why: "surplus members", schema: z.object({ a: count }), value: { a: 1 } },
  { why: "a fraction", schema: z.number(), value: 0.5 },
  { why: "a pattern with a memory", schema: z.string().regex(/x/g), value: "x" },
])("leaves to the schema what it does not know: $why", ({ schema, value }) => {
  expect(schema.safeParse(value).success).toBe(true)
  expect(shapeCheck(schema)(value)).toBe(false)
})
