const isBase64 = /[^A-Za-z0-9+/_-]+/g

/** Decodes base64 that comes in pieces. What is no base64 is left out. */
export class Base64Text {
  readonly #sink: (bytes: Uint8Array) => void
  /** Up to three characters that make no whole byte yet. */
  #rest = ""

  constructor(sink: (bytes: Uint8Array) => void) {
    this.#sink = sink
  }

  push(piece: Uint8Array): void {
    const text = this.#rest + Buffer.from(piece).toString("latin1").replace(isBase64, "")
    const whole = text.length - (text.length % 4)
    this.#rest = text.slice(whole)
    if (whole > 0) this.#sink(Buffer.from(text.slice(0, whole), "base64"))
  }

  /** Gives what is left. The next push begins anew. */
  end(): void {
    if (this.#rest !== "") this.#sink(Buffer.from(this.#rest, "base64"))
    this.#rest = ""
  }
}
