import { badRequest } from "./problem.ts"

/** Fields of an object that came over the wire, not yet looked at. */
export type Fields = Readonly<Record<string, unknown>>

/** @throws Problem if the value is no object. */
export function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw badRequest(`${what} must be an object`)
  return value as Fields
}

/** @throws Problem if the value is no list. */
export function listOf(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw badRequest(`${what} must be a list`)
  return value
}

/** @throws Problem if the value is no text. */
export function textOf(value: unknown, what: string): string {
  if (typeof value !== "string") throw badRequest(`${what} must be a string`)
  return value
}

/**
 * The text of a message's content, which is text itself, a list of parts or null. Parts without text,
 * such as images, count as empty: a script does not look at them.
 */
export function contentOf(value: unknown, what: string): string {
  if (value === undefined || value === null) return ""
  if (typeof value === "string") return value
  const parts = listOf(value, what).map((part) => fieldsOf(part, `a part of ${what}`)["text"])
  return parts.filter((text) => typeof text === "string").join("\n")
}
