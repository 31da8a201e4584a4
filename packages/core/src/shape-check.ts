import type { z } from "zod"

/** `true` only for what the schema accepts as it is; `false` says nothing, and the schema has to be asked. */
export type ShapeCheck = (value: unknown) => boolean

type Def = z.core.$ZodTypes["_zod"]["def"]
type CheckDef = z.core.$ZodChecks["_zod"]["def"]

const undecided: ShapeCheck = () => false

/**
 * A quick check for the values of a schema, made from its definition: a few comparisons where the schema
 * itself, which says what is wrong, takes many times as long. What this knows nothing of is left to the schema.
 */
export function shapeCheck(schema: z.core.$ZodType): ShapeCheck {
  const def = (schema as z.core.$ZodTypes)._zod.def
  const constraints = checksOf(def)
  const base = constraints === null ? undecided : baseCheck(def)
  const [first, ...more] = constraints ?? []
  if (first === undefined) return base
  if (more.length === 0) return (value) => base(value) && first(value)
  return (value) => base(value) && constraints?.every((holds) => holds(value)) === true
}

function baseCheck(def: Def): ShapeCheck {
  switch (def.type) {
    case "unknown":
      return () => true
    case "string":
      return "format" in def ? undecided : (value) => typeof value === "string"
    case "boolean":
      return (value) => typeof value === "boolean"
    case "number":
      return numberCheck(def)
    case "literal":
      return oneOf(def.values)
    case "enum":
      return oneOf(Object.values(def.entries))
    case "nullable":
      return nullableCheck(def.innerType)
    case "optional":
      return shapeCheck(def.innerType)
    case "union":
      return unionCheck(def.options)
    case "array":
      return arrayCheck(def.element)
    case "record":
      return recordCheck(def.keyType, def.valueType)
    case "object":
      return objectCheck(def)
    default:
      return undecided
  }
}

/** Each constraint of a schema as a check; null if one is of a kind that this knows nothing of. */
function checksOf({ checks = [] }: Def): ShapeCheck[] | null {
  const known = checks.map((check) => constraintCheck(check._zod.def as CheckDef))
  return known.includes(undecided) ? null : known
}

function constraintCheck(def: CheckDef): ShapeCheck {
  switch (def.check) {
    case "min_length":
      return (value) => lengthOf(value) >= def.minimum
    case "max_length":
      return (value) => lengthOf(value) <= def.maximum
    case "greater_than":
      return boundCheck(def, (value, bound) => value > bound)
    case "less_than":
      return boundCheck(def, (value, bound) => value < bound)
    case "string_format":
      return patternCheck(def)
    default:
      return undecided
  }
}

function boundCheck(
  { value: bound, inclusive }: z.core.$ZodCheckLessThanDef | z.core.$ZodCheckGreaterThanDef,
  isBeyond: (value: number, bound: number) => boolean,
): ShapeCheck {
  if (typeof bound !== "number") return undecided
  return (value) => isBeyond(value as number, bound) || (inclusive && value === bound)
}

function patternCheck({ format, pattern }: z.core.$ZodCheckStringFormatDef): ShapeCheck {
  // One with a memory, global or sticky, would answer by what it was asked before.
  if (format !== "regex" || pattern === undefined || pattern.global || pattern.sticky)
    return undecided
  // Most patterns are this one, and a loop takes a quarter of the time.
  if (String(pattern) === String(/^[0-9a-f]{64}$/)) return (value) => isHex32(value as string)
  return (value) => pattern.test(value as string)
}

/** 1 for the code of a digit. */
const hexDigits = new Uint8Array(2 ** 16)
for (const digit of "0123456789abcdef") hexDigits[digit.charCodeAt(0)] = 1

/** Looks at every digit: a processor can't foresee where digits and letters take turns. */
function isHex32(text: string): boolean {
  if (text.length !== 64) return false
  let areDigits = 1
  for (let at = 0; at < 64; at++) areDigits &= hexDigits[text.charCodeAt(at)] as number
  return areDigits === 1
}

function lengthOf(value: unknown): number {
  return (value as string | readonly unknown[]).length
}

function numberCheck(def: z.core.$ZodNumberDef | z.core.$ZodNumberFormatDef): ShapeCheck {
  return "format" in def && def.format === "safeint" ? Number.isSafeInteger : undecided
}

function oneOf(values: readonly unknown[]): ShapeCheck {
  const known = new Set(values)
  return (value) => known.has(value)
}

function nullableCheck(inner: z.core.$ZodType): ShapeCheck {
  const check = shapeCheck(inner)
  return (value) => value === null || check(value)
}

function unionCheck(options: readonly z.core.$ZodType[]): ShapeCheck {
  const checks = options.map(shapeCheck)
  return (value) => checks.some((check) => check(value))
}

function arrayCheck(element: z.core.$ZodType): ShapeCheck {
  const check = shapeCheck(element)
  return (value) => {
    if (!Array.isArray(value)) return false
    // By index, since every() would pass over the holes of a sparse array.
    for (let at = 0; at < value.length; at++) if (!check(value[at])) return false
    return true
  }
}

function recordCheck(keyType: z.core.$ZodType, valueType: z.core.$ZodType): ShapeCheck {
  const [isKey, isValue] = [shapeCheck(keyType), shapeCheck(valueType)]
  return (value) =>
    isPlain(value) && Object.entries(value).every(([key, held]) => isKey(key) && isValue(held))
}

/** Only where surplus members are refused: then they can be counted instead of looked for. */
function objectCheck({ shape, catchall }: z.core.$ZodObjectDef): ShapeCheck {
  if (catchall?._zod.def.type !== "never") return undecided
  // In canonical order, since most values have their members so: then no member has to be looked for.
  const members = Object.keys(shape)
    .sort()
    .map((name) => memberOf(name, shape[name] as z.core.$ZodType))
  return (value) => {
    if (!isPlain(value)) return false
    const names = Object.keys(value)
    let found = 0
    for (const { name, check, mayBeAbsent } of members)
      if (names[found] === name || Object.hasOwn(value, name)) {
        if (!check(value[name])) return false
        found++
      } else if (!mayBeAbsent) return false
    return names.length === found
  }
}

interface Member {
  readonly name: string
  readonly check: ShapeCheck
  readonly mayBeAbsent: boolean
}

function memberOf(name: string, schema: z.core.$ZodType): Member {
  const mayBeAbsent = (schema as z.core.$ZodTypes)._zod.def.type === "optional"
  return { name, check: shapeCheck(schema), mayBeAbsent }
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype
  )
}
