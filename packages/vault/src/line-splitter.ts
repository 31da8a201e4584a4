import { concatBytes } from "@amc/core"

const NEWLINE = 0x0a

/** Cuts a stream of bytes into lines of bounded length. */
export class LineSplitter {
  readonly #maxSize: number
  #pending: Uint8Array[] = []
  #size = 0

  constructor(maxSize: number) {
    this.#maxSize = maxSize
  }

  /**
   * The lines that these bytes complete, without their newlines; null once a line is over the bound, after
   * which the stream is to be given up.
   */
  push(chunk: Uint8Array): Uint8Array[] | null {
    const lines: Uint8Array[] = []
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      if (!this.#keep(chunk.subarray(start, end))) return null
      lines.push(concatBytes(...this.#pending))
      ;[this.#pending, this.#size, start] = [[], 0, end + 1]
    }
    return this.#keep(chunk.subarray(start)) ? lines : null
  }

  #keep(part: Uint8Array): boolean {
    this.#size += part.length
    this.#pending.push(part)
    return this.#size <= this.#maxSize
  }
}
