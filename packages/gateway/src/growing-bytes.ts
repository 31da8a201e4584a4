const empty = Buffer.alloc(0)

/** Bytes that are copied together, up to a limit. Copied, since a piece may pin a far larger buffer. */
export class GrowingBytes {
  readonly #most: number
  #bytes = empty
  #size = 0
  #overflowed = false

  constructor(most: number) {
    this.#most = most
  }

  /** Whether more came than the limit; what was there is then forgotten. */
  get overflowed(): boolean {
    return this.#overflowed
  }

  push(piece: Uint8Array): void {
    if (this.#overflowed) return
    const size = this.#size + piece.length
    if (size > this.#most) {
      this.#overflowed = true
      this.#bytes = empty
      this.#size = 0
      return
    }
    if (size > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(
        Math.min(this.#most, Math.max(1024, size, this.#bytes.length * 2)),
      )
      larger.set(this.#bytes.subarray(0, this.#size))
      this.#bytes = larger
    }
    this.#bytes.set(piece, this.#size)
    this.#size = size
  }

  /** What was pushed so far. */
  view(): Buffer {
    return this.#bytes.subarray(0, this.#size)
  }
}
