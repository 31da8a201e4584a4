import { AmcError } from "@amc/core"

/** A segment of dots; for Java's servers also with parameters behind it, for C's with a NUL. */
const dots = /^(?:\.|%2e){1,2}(?:(?:;|%3b|%00).*)?$/i

/** A request target, split behind its first segment. */
export interface Target {
  readonly route: string
  /** What is forwarded, byte for byte: empty, or from the next slash or question mark on. */
  readonly rest: string
}

/**
 * Splits a request target in origin form. A path with `.` or `..` segments is refused: some server
 * behind might resolve them and leave the provider's base path.
 *
 * @throws {@link AmcError} `gateway/bad-request`
 */
export function targetOf(url: string): Target {
  const [, route, rest] = /^\/([^/?#]*)([^#]*)$/.exec(url) ?? []
  if (route === undefined || rest === undefined)
    throw new AmcError("gateway/bad-request", "the request target is not a path")
  const [path = ""] = rest.split("?", 1)
  const hasDots = /[.%]/.test(path) && path.split(/\/|\\|%2f|%5c/i).some((part) => dots.test(part))
  if (hasDots || !/^[\x21-\x7e]*$/.test(rest))
    throw new AmcError("gateway/bad-request", "the request target can't be forwarded as it is")
  return { route, rest }
}

/** The fault of a target that leads nowhere. */
export function unknownRoute(): AmcError {
  return new AmcError("gateway/unknown-route", "the first path segment names no provider")
}
