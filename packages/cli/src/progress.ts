import { printable } from "./printable.ts"

/** One line on stderr that says what is going on; nothing at all where nobody looks. */
export class Progress {
  readonly #stream: NodeJS.WriteStream
  #isShown = false

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream
  }

  show(text: string): void {
    if (this.#stream.isTTY !== true) return
    this.#stream.write(`\r\u001B[2K${printable(text)}`)
    this.#isShown = true
  }

  /** A line that stays. */
  line(text: string): void {
    this.end()
    this.#stream.write(`${printable(text)}\n`)
  }

  /** Takes the progress line away. */
  end(): void {
    if (this.#isShown) this.#stream.write("\r\u001B[2K")
    this.#isShown = false
  }
}
