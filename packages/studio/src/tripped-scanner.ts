import { SecretScanner } from "@amc/gateway"

/** A text that is nowhere but in a place that no agent may read, and what to do when it turns up. */
export interface Canary {
  readonly text: string
  onSeen(): void
}

/** A scanner that tells, beside what it does for each secret, when it came upon a canary in any form. */
export class TrippedScanner extends SecretScanner {
  readonly #canary: Canary
  readonly #forms: SecretScanner

  constructor(secrets: Iterable<Uint8Array>, canary: Canary, base: SecretScanner | null = null) {
    const bytes = Buffer.from(canary.text)
    super([...secrets, bytes], base)
    this.#canary = canary
    this.#forms = new SecretScanner([bytes])
  }

  override with(...secrets: readonly Uint8Array[]): SecretScanner {
    return new TrippedScanner(secrets, this.#canary, this)
  }

  override find(bytes: Buffer, after: number, found: (from: number, to: number) => void): number {
    return super.find(bytes, after, (from, to) => {
      if (this.#forms.count(bytes.subarray(from, to)) > 0) this.#canary.onSeen()
      found(from, to)
    })
  }
}
