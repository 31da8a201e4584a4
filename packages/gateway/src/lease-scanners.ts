import type { Lease } from "./lease.ts"
import type { SecretScanner } from "./secret-scanner.ts"

/** Scanners that know the token of a lease too. All that comes with a lease carries it, so its forms are worked out once. */
export class LeaseScanners {
  readonly #base: SecretScanner
  readonly #known = new WeakMap<Lease, SecretScanner>()

  constructor(base: SecretScanner) {
    this.#base = base
  }

  of(lease: Lease, token: string): SecretScanner {
    const known = this.#known.get(lease)
    if (known !== undefined) return known
    const made = this.#base.with(Buffer.from(token))
    this.#known.set(lease, made)
    return made
  }
}
