const size = 16
const many = 128

/** Makes ids of calls that can't be guessed. Random bytes are drawn for many at once. */
export class CallIds {
  readonly #random: (size: number) => Uint8Array
  #bytes = Buffer.alloc(0)
  #at = 0

  /** `random` must be a cryptographic source. */
  constructor(random: (size: number) => Uint8Array) {
    this.#random = random
  }

  next(): string {
    if (this.#at === this.#bytes.length) {
      this.#bytes = Buffer.from(this.#random(size * many))
      this.#at = 0
    }
    return `call-${this.#bytes.toString("hex", this.#at, (this.#at += size))}`
  }
}
