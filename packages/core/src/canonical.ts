import canonicalizeJson from "canonicalize"
import { text } from "./bytes.ts"
import { malformed } from "./errors.ts"

/** What AMC's canonical JSON can say. Numbers are safe integers; decimals are written as strings. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject

/** An object of {@link JsonValue}s. */
export interface JsonObject {
  readonly [key: string]: JsonValue
}

const MAX_DEPTH = 16
const encoder = new TextEncoder()

/**
 * The one spelling of a value (RFC 8785, narrowed by spec/canonical-json.md): equal values give equal
 * bytes and different values different bytes.
 *
 * @throws {@link AmcError} `input/malformed` for what JSON, or AMC, can't say exactly: fractions,
 * integers beyond 2^53-1, -0, lone surrogates, undefined, anything but plain objects and arrays,
 * a `__proto__` member, more than 16 levels.
 */
export function canonicalize(value: JsonValue): Uint8Array {
  return encoder.encode(canonicalText(value))
}

/**
 * Reads canonical JSON, and nothing else: bytes that {@link canonicalize} would not have written are
 * refused, which includes duplicate members, spacing and a byte order mark.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export function parseCanonical(bytes: Uint8Array): JsonValue {
  const spelling = text(bytes)
  const value = parseJson(spelling)
  if (canonicalText(value) !== spelling) throw malformed("json is not in canonical form")
  return value
}

function parseJson(spelling: string): JsonValue {
  try {
    return JSON.parse(spelling) as JsonValue
  } catch (cause) {
    throw malformed("text is not json", cause)
  }
}

/** The text of which {@link canonicalize} gives the bytes. @throws {@link AmcError} as that does */
export function canonicalText(value: JsonValue): string {
  // On members in order, JSON.stringify writes what RFC 8785 asks for, several times faster.
  return checkValue(value, 1) ? JSON.stringify(value) : (canonicalizeJson(value) as string)
}

/** Refuses what can't be said, and tells whether all members stand in canonical order already. */
function checkValue(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case "string":
      checkText(value)
      return true
    case "number":
      checkNumber(value)
      return true
    case "boolean":
      return true
    case "object":
      return value === null || checkContainer(value, depth)
    default:
      throw malformed(`json can't hold a value of type ${typeof value}`)
  }
}

function checkText(value: string): void {
  if (!value.isWellFormed()) throw malformed("json holds a lone surrogate")
}

function checkNumber(value: number): void {
  if (!Number.isSafeInteger(value) || Object.is(value, -0))
    throw malformed("json holds a number that is not a safe integer")
}

function checkContainer(value: object, depth: number): boolean {
  if (depth > MAX_DEPTH) throw malformed(`json is nested deeper than ${MAX_DEPTH} levels`)
  // The serialisers would call it and write what it returns instead of what was checked here.
  if (typeof (value as { toJSON?: unknown }).toJSON === "function")
    throw malformed("json can't hold an object with a toJSON function")
  return Array.isArray(value) ? checkArray(value, depth) : checkObject(value, depth)
}

function checkArray(value: readonly unknown[], depth: number): boolean {
  let inOrder = true
  // By index, since forEach would pass over the holes of a sparse array.
  for (let at = 0; at < value.length; at++) if (!checkValue(value[at], depth + 1)) inOrder = false
  return inOrder
}

function checkObject(value: object, depth: number): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null)
    throw malformed("json can't hold an object that is not plain")
  let inOrder = true
  let last = ""
  for (const key of Object.keys(value)) {
    if (key === "__proto__") throw malformed("json has a member named __proto__")
    checkText(key)
    if (!checkValue((value as JsonObject)[key], depth + 1) || key < last) inOrder = false
    last = key
  }
  return inOrder
}
