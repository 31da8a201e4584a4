import { foreignTextMax } from "@amc/core"
import type { SecretScanner } from "./secret-scanner.ts"

/** Turns what a body says into values that fit the fact schema, and remembers whether any did not. */
export class ForeignValues {
  readonly #secrets: SecretScanner
  /** Some content was cut or left out. */
  truncated = false

  constructor(secrets: SecretScanner) {
    this.#secrets = secrets
  }

  /** At most 200 UTF-16 units, secrets redacted, lone surrogates replaced. */
  text(value: string): string {
    const redacted = this.#secrets.redactText(value.toWellFormed())
    if (redacted.length > foreignTextMax) this.truncated = true
    return redacted.slice(0, foreignTextMax).toWellFormed()
  }

  /** A count; -1 for one that is not given, or is none. */
  count(value: unknown): number {
    if (value === null) return -1
    // Canonical JSON has no -0.
    if (Number.isSafeInteger(value) && (value as number) >= 0) return (value as number) + 0
    this.truncated = true
    return -1
  }
}

/** The media type of a body as it is recorded. A header is foreign text too. */
export function mediaText(secrets: SecretScanner, contentType: string): string {
  return new ForeignValues(secrets).text(contentType).slice(0, 128).toWellFormed()
}
