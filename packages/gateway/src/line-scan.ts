import type { Framing, FrameSink } from "./frame-sink.ts"

const lineFeed = 0x0a

/** Splits a stream of JSON lines. A last line needs no end. */
export class LineScan implements Framing {
  readonly #sink: FrameSink

  constructor(sink: FrameSink) {
    this.#sink = sink
  }

  push(piece: Uint8Array): void {
    let from = 0
    for (let end = piece.indexOf(lineFeed); end >= 0; end = piece.indexOf(lineFeed, from)) {
      this.#sink.data(piece.subarray(from, end))
      this.#sink.frameEnd(true)
      from = end + 1
    }
    if (from < piece.length) this.#sink.data(piece.subarray(from))
  }

  end(): boolean {
    this.#sink.frameEnd(true)
    return true
  }
}
