/** One reason why evidence was not accepted. `code` is stable; `detail` is for people. */
export interface Finding {
  readonly code: `${string}/${string}`
  /** What the finding is about: `event 41`, `checkpoint`, `manifest.json`. */
  readonly subject: string
  readonly detail: string
  /** Whether a digest or a pinned key's signature contradicts (exit 4), or it is not good enough (exit 1). */
  readonly tampered: boolean
}

/**
 * The outcome of a check. A rejection names at least one finding, and an acceptance carries what
 * was established, so that a caller can't use a value it has not verified.
 */
export type Verdict<T> =
  | { readonly accepted: true; readonly value: T }
  | { readonly accepted: false; readonly findings: readonly [Finding, ...Finding[]] }

export function accepted<T>(value: T): Verdict<T> {
  return { accepted: true, value }
}

export function rejected<T>(first: Finding, ...rest: Finding[]): Verdict<T> {
  return { accepted: false, findings: [first, ...rest] }
}

/** Accepts a value if nothing was found against it. */
export function verdictOf<T>(value: T, findings: readonly Finding[]): Verdict<T> {
  const [first, ...rest] = findings
  return first === undefined ? accepted(value) : rejected(first, ...rest)
}
