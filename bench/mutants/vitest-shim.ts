import { isDeepStrictEqual } from "node:util"

/** As much of the tests' framework as the score room's tests use, to run one test many times in one process. */
export interface Collected {
  readonly name: string
  readonly body: () => unknown
}

export const collected: Collected[] = []

type Body = (...row: never[]) => unknown

export function test(name: string, ...rest: unknown[]): void {
  const body = rest.find((each) => typeof each === "function") as () => unknown
  collected.push({ name: `${name} (${collected.length})`, body })
}

test.each =
  (rows: readonly unknown[]) =>
  (name: string, body: Body): void => {
    for (const [at, row] of rows.entries())
      collected.push({
        name: `${name} #${at} (${collected.length})`,
        body: () => body(...((Array.isArray(row) ? row : [row]) as never[])),
      })
  }

class Containing {
  readonly part: object

  constructor(part: object) {
    this.part = part
  }
}

expect.objectContaining = (part: object): Containing => new Containing(part)

export function expect(actual: unknown): Matchers {
  return new Matchers(actual, false)
}

class Matchers {
  readonly actual: unknown
  readonly isNot: boolean

  constructor(actual: unknown, isNot: boolean) {
    this.actual = actual
    this.isNot = isNot
  }

  get not(): Matchers {
    return new Matchers(this.actual, !this.isNot)
  }

  toBe(expected: unknown): void {
    this.#check(Object.is(this.actual, expected), expected)
  }

  toEqual(expected: unknown): void {
    this.#check(isEqual(this.actual, expected, false), expected)
  }

  toMatchObject(expected: unknown): void {
    this.#check(isEqual(this.actual, expected, true), expected)
  }

  toBeGreaterThan(least: number): void {
    this.#check((this.actual as number) > least, least)
  }

  toBeGreaterThanOrEqual(least: number): void {
    this.#check((this.actual as number) >= least, least)
  }

  toBeLessThan(most: number): void {
    this.#check((this.actual as number) < most, most)
  }

  toBeLessThanOrEqual(most: number): void {
    this.#check((this.actual as number) <= most, most)
  }

  toBeNull(): void {
    this.#check(this.actual === null, null)
  }

  toBeUndefined(): void {
    this.#check(this.actual === undefined, undefined)
  }

  toContain(part: unknown): void {
    this.#check((this.actual as unknown[]).includes(part), part)
  }

  toHaveLength(length: number): void {
    this.#check((this.actual as unknown[]).length === length, length)
  }

  toMatch(pattern: RegExp | string): void {
    const text = this.actual
    if (typeof text !== "string") return this.#check(this.isNot, pattern)
    this.#check(typeof pattern === "string" ? text.includes(pattern) : pattern.test(text), pattern)
  }

  toThrow(expected?: unknown): void {
    try {
      ;(this.actual as () => unknown)()
    } catch (error) {
      return this.#check(isThrown(error as Error, expected), expected)
    }
    this.#check(false, expected)
  }

  #check(holds: boolean, expected: unknown): void {
    if (holds === this.isNot) throw new Error(`expected ${String(expected)}`)
  }
}

function isThrown(error: Error, expected: unknown): boolean {
  if (expected === undefined) return true
  if (typeof expected === "function") return error instanceof expected
  if (expected instanceof RegExp) return expected.test(error.message)
  if (typeof expected === "string") return error.message.includes(expected)
  return isEqual(error, expected, true)
}

/** Equal but for members that are undefined, or in all that `expected` names. */
function isEqual(actual: unknown, expected: unknown, isPart: boolean): boolean {
  if (expected instanceof Containing) return isEqual(actual, expected.part, true)
  if (!isPlain(expected)) return isDeepStrictEqual(actual, expected)
  if (typeof actual !== "object" || actual === null) return false
  if (Array.isArray(expected))
    return (
      Array.isArray(actual) &&
      actual.length === expected.length &&
      expected.every((each, at) => isEqual(actual[at], each, isPart))
    )
  const [a, b] = [actual, expected] as Record<string, unknown>[] as [
    Record<string, unknown>,
    Record<string, unknown>,
  ]
  const names = isPart ? Object.keys(b) : [...new Set([...Object.keys(a), ...Object.keys(b)])]
  return names.every((name) => isEqual(a[name], b[name], isPart))
}

function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype
}
