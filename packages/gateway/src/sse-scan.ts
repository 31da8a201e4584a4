import type { Framing, FrameSink } from "./frame-sink.ts"

const lineFeed = 0x0a
const carriageReturn = 0x0d
const space = 0x20
const dataField = Buffer.from("data:")
const empty = Buffer.alloc(0)
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf])

/**
 * Splits a stream of server-sent events into the data of its events (WHATWG HTML, "Server-sent
 * events"), in pieces of any size and without keeping any of it.
 */
export class SseScan implements Framing {
  readonly #sink: FrameSink
  /** The start of the line, until it is known whether it is a data line. */
  #start = empty
  #line: "start" | "data-space" | "data" | "other" = "start"
  #hasData = false
  #afterReturn = false
  #isFirstLine = true

  constructor(sink: FrameSink) {
    this.#sink = sink
  }

  /** Takes the next piece. */
  push(piece: Uint8Array): void {
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
    let at = 0
    let nextReturn = -2
    while (at < bytes.length) {
      if (this.#afterReturn && bytes[at] === lineFeed) at++
      this.#afterReturn = false
      if (nextReturn !== -1 && nextReturn < at) nextReturn = bytes.indexOf(carriageReturn, at)
      // Every other line is blank.
      const feed = bytes[at] === lineFeed ? at : bytes.indexOf(lineFeed, at)
      const end = feed < 0 || (nextReturn >= 0 && nextReturn < feed) ? nextReturn : feed
      if (end !== at) this.#part(bytes.subarray(at, end < 0 ? bytes.length : end))
      if (end < 0) return
      this.#afterReturn = end === nextReturn
      this.#endLine()
      at = end + 1
    }
  }

  /** Ends the stream. An event whose closing blank line is missing is given all the same. */
  end(): boolean {
    if (this.#line !== "start" || this.#start.length > 0) this.#endLine()
    this.#endEvent()
    return true
  }

  #part(bytes: Buffer): void {
    let rest = bytes
    if (this.#line === "start") rest = this.#startLine(bytes)
    if (this.#line === "data-space" && rest.length > 0) {
      if (rest[0] === space) rest = rest.subarray(1)
      this.#line = "data"
    }
    if (this.#line === "data" && rest.length > 0) this.#sink.data(rest)
  }

  #startLine(bytes: Buffer): Buffer {
    if (this.#isFirstLine || this.#start.length > 0 || bytes.length < dataField.length)
      return bytes.length === 0 ? bytes : this.#startInPieces(bytes)
    if (startsAlike(bytes, dataField)) {
      this.#startData()
      return bytes.subarray(dataField.length)
    }
    this.#line = "other"
    return empty
  }

  /** The start of a line that may not be here in full, or may be behind a byte order mark. */
  #startInPieces(bytes: Buffer): Buffer {
    const seen = Buffer.concat([this.#start, bytes.subarray(0, 16)])
    const marked = this.#isFirstLine && startsAlike(seen, byteOrderMark)
    if (marked && seen.length < byteOrderMark.length) {
      this.#start = seen
      return bytes.subarray(bytes.length)
    }
    const skipped = marked ? byteOrderMark.length : 0
    const field = seen.subarray(skipped, skipped + dataField.length)
    if (!startsAlike(field, dataField)) {
      this.#line = "other"
    } else if (field.length === dataField.length) {
      this.#startData()
      return bytes.subarray(skipped + dataField.length - this.#start.length)
    } else {
      this.#start = seen
    }
    return bytes.subarray(bytes.length)
  }

  #startData(): void {
    if (this.#hasData) this.#sink.data(Uint8Array.of(lineFeed))
    this.#hasData = true
    this.#line = "data-space"
  }

  #endLine(): void {
    const isBlank = this.#line === "start" && this.#start.length === 0
    this.#line = "start"
    this.#start = empty
    this.#isFirstLine = false
    if (isBlank) this.#endEvent()
  }

  #endEvent(): void {
    if (this.#hasData) this.#sink.frameEnd(true)
    this.#hasData = false
  }
}

function startsAlike(bytes: Buffer, prefix: Buffer): boolean {
  const size = Math.min(bytes.length, prefix.length)
  for (let at = 0; at < size; at++) if (bytes[at] !== prefix[at]) return false
  return true
}
