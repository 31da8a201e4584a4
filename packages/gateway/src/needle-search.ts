const buckets = 4096

/**
 * Finds any of many byte strings in one pass that looks at few of the bytes (Wu and Manber, 1994): from two
 * bytes at the end of a window as long as the shortest string it tells how far the next match is at least.
 */
export class NeedleSearch {
  /** Of the shortest string; 0 if there is none. */
  readonly shortest: number
  readonly #shifts: Uint8Array
  /** The strings whose start of the window's length ends in bytes of this bucket. */
  readonly #ending = new Map<number, Buffer[]>()

  constructor(needles: readonly Buffer[]) {
    this.shortest = needles.length === 0 ? 0 : Math.min(...needles.map(({ length }) => length))
    this.#shifts = new Uint8Array(buckets).fill(Math.min(255, this.shortest - 1))
    for (const needle of needles) this.#add(needle)
  }

  #add(needle: Buffer): void {
    const last = this.shortest - 2
    for (let at = 0; at <= last; at++) {
      const bucket = bucketOf(needle[at] as number, needle[at + 1] as number)
      this.#shifts[bucket] = Math.min(this.#shifts[bucket] as number, last - at)
      if (at === last) this.#ending.set(bucket, [...(this.#ending.get(bucket) ?? []), needle])
    }
  }

  /** Calls `found` for each place where a string lies, also where several overlap. */
  each(bytes: Uint8Array, found: (from: number, to: number) => void): void {
    const { shortest } = this
    if (shortest < 2) return
    const shifts = this.#shifts
    for (let end = shortest - 1; end < bytes.length;) {
      const bucket = bucketOf(bytes[end - 1] as number, bytes[end] as number)
      const shift = shifts[bucket] as number
      if (shift === 0) this.#compare(bytes, end + 1 - shortest, bucket, found)
      end += shift || 1
    }
  }

  #compare(
    bytes: Uint8Array,
    from: number,
    bucket: number,
    found: (from: number, to: number) => void,
  ): void {
    for (const needle of this.#ending.get(bucket) ?? [])
      if (liesAt(needle, bytes, from)) found(from, from + needle.length)
  }
}

function bucketOf(first: number, second: number): number {
  return ((first << 4) ^ second) & (buckets - 1)
}

function liesAt(needle: Buffer, bytes: Uint8Array, from: number): boolean {
  if (from + needle.length > bytes.length) return false
  for (let at = 0; at < needle.length; at++) if (needle[at] !== bytes[from + at]) return false
  return true
}
