import type { Target } from "./target.ts"
import type { Upstream } from "./upstream.ts"

/** A target without the keys that stood in its query, and those keys. */
export interface KeylessTarget {
  readonly target: Target
  readonly keys: readonly string[]
}

/**
 * Takes `key=` out of the query, where Google's clients put their key. For other providers it is a
 * parameter like any other.
 */
export function takeQueryKeys(target: Target, upstream: Upstream | undefined): KeylessTarget {
  return upstream?.keyPlace === "x-goog-api-key" ? split(target) : { target, keys: [] }
}

function split({ route, rest }: Target): KeylessTarget {
  const start = rest.indexOf("?")
  if (start < 0) return { target: { route, rest }, keys: [] }
  const parameters = rest.slice(start + 1).split("&")
  const keys = parameters.flatMap((text) => keyIn(text) ?? [])
  const kept = parameters.filter((text) => keyIn(text) === null)
  const query = kept.length === 0 ? "" : `?${kept.join("&")}`
  return { target: { route, rest: rest.slice(0, start) + query }, keys }
}

/** The value of a parameter whose name is `key`, however it is encoded. */
function keyIn(parameter: string): string | null {
  const [pair] = new URLSearchParams(parameter)
  return pair?.[0] === "key" ? pair[1] : null
}
