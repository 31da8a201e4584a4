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

  /** An integer that JSON can carry, or the value that stood there before. */
  integer(value: unknown, before: number): number {
    if (value === null) return before
    // Canonical JSON has no -0.
    if (Number.isSafeInteger(value)) return (value as number) + 0
    this.truncated = true
    return before
  }
}
