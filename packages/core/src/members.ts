import type { JsonObject, JsonValue } from "./canonical.ts"

/** Whether a value is an object with exactly these members, whatever their values are. */
export function isObjectOf<K extends string>(
  value: JsonValue,
  members: readonly K[],
): value is JsonObject & { readonly [M in K]: JsonValue } {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false
  return (
    Object.keys(value).length === members.length &&
    members.every((name) => Object.hasOwn(value, name))
  )
}
