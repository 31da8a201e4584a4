import { foreignTextMax } from "@amc/core"

/** An object of foreign JSON. Its members may be anything. */
export type ForeignObject = Readonly<Record<string, unknown>>

export function isObject(value: unknown): value is ForeignObject {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

/** A member of an object, or undefined; of its own, so that no name reaches a prototype. */
export function memberOf(value: unknown, ...path: readonly string[]): unknown {
  let found = value
  for (const name of path) {
    if (!isObject(found) || !Object.hasOwn(found, name)) return undefined
    found = found[name]
  }
  return found
}

/** An array, or an empty one in place of anything else. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : []
}

/** A count that JSON can hold exactly, or null. */
export function countOf(value: unknown): number | null {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : null
}

/** A foreign text as a fact may hold it: cut, and without lone surrogates. */
export function factText(value: unknown): string {
  return typeof value === "string" ? value.slice(0, foreignTextMax).toWellFormed() : ""
}

/** Milliseconds since 1970 from an ISO 8601 text with its zone, or from a number of milliseconds; else null. */
export function timeOf(value: unknown): number | null {
  // oxlint-disable-next-line no-restricted-globals -- reads a text, and no clock
  const ms = typeof value === "string" && isoTime.test(value) ? Date.parse(value) : value
  return typeof ms === "number" && Number.isFinite(ms) && ms >= 0 && ms <= lastMs
    ? Math.trunc(ms)
    : null
}

const isoTime = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/u
const lastMs = 253_402_300_799_999
