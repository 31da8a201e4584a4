import { crc32 } from "node:zlib"
import type { Framing, FrameSink } from "./frame-sink.ts"

const preludeSize = 12
const crcSize = 4
/** What the format allows: 128 KiB of headers, 24 MiB in all. */
const headersMax = 128 * 1024
const totalMax = 24 * 1024 * 1024

/**
 * Splits `application/vnd.amazon.eventstream` into the payloads of its messages, which may be in pieces
 * of any size. Both checksums are checked: a message whose own fails is not sound, and after a prelude
 * whose fails nothing more is read.
 */
export class EventStreamScan implements Framing {
  readonly #sink: FrameSink
  readonly #fixed = Buffer.alloc(preludeSize)
  #fixedSize = 0
  #crc = 0
  /** Bytes of the message's headers and payload that are still to come. */
  #headersLeft = 0
  #payloadLeft = 0
  #isInMessage = false
  #isBroken = false

  constructor(sink: FrameSink) {
    this.#sink = sink
  }

  push(piece: Uint8Array): void {
    let rest = piece
    while (rest.length > 0 && !this.#isBroken) rest = rest.subarray(this.#take(rest))
  }

  end(): boolean {
    return !this.#isBroken && !this.#isInMessage && this.#fixedSize === 0
  }

  /** Takes what belongs together of the bytes. Gives how many that were. */
  #take(bytes: Uint8Array): number {
    if (!this.#isInMessage) return this.#takePrelude(bytes)
    if (this.#headersLeft > 0) return this.#takeHeaders(bytes)
    return this.#payloadLeft > 0 ? this.#takePayload(bytes) : this.#takeCrc(bytes)
  }

  #takePrelude(bytes: Uint8Array): number {
    const taken = this.#fill(bytes, preludeSize)
    if (this.#fixedSize === preludeSize) this.#startMessage()
    return taken
  }

  #startMessage(): void {
    const total = this.#fixed.readUInt32BE(0)
    const headers = this.#fixed.readUInt32BE(4)
    const payload = total - headers - preludeSize - crcSize
    const isSound = this.#fixed.readUInt32BE(8) === crc32(this.#fixed.subarray(0, 8))
    this.#isBroken = !isSound || total > totalMax || headers > headersMax || payload < 0
    this.#isInMessage = true
    this.#headersLeft = headers
    this.#payloadLeft = payload
    this.#crc = crc32(this.#fixed)
    this.#fixedSize = 0
  }

  #takeHeaders(bytes: Uint8Array): number {
    const part = bytes.subarray(0, this.#headersLeft)
    this.#headersLeft -= part.length
    this.#crc = crc32(part, this.#crc)
    return part.length
  }

  #takePayload(bytes: Uint8Array): number {
    const part = bytes.subarray(0, this.#payloadLeft)
    this.#payloadLeft -= part.length
    this.#crc = crc32(part, this.#crc)
    this.#sink.data(part)
    return part.length
  }

  #takeCrc(bytes: Uint8Array): number {
    const taken = this.#fill(bytes, crcSize)
    if (this.#fixedSize < crcSize) return taken
    this.#fixedSize = 0
    this.#isInMessage = false
    this.#sink.frameEnd(this.#fixed.readUInt32BE(0) === this.#crc)
    return taken
  }

  #fill(bytes: Uint8Array, size: number): number {
    const part = bytes.subarray(0, size - this.#fixedSize)
    this.#fixed.set(part, this.#fixedSize)
    this.#fixedSize += part.length
    return part.length
  }
}
