/** An event that had a payload stored, as far as a retention policy asks. */
export interface StoredPayload {
  readonly type: string
  /** When the event was recorded, in milliseconds. */
  readonly ts: number
}

const firstRoom = 1024

/**
 * Which events of a lane had a payload stored. A few bytes for each event, since a long ledger has millions
 * of them and only the few that a prune names are ever looked up.
 */
export class StoredPayloads {
  readonly #types: string[] = []
  #numbers = new Float64Array(firstRoom)
  #times = new Float64Array(firstRoom)
  #kinds = new Uint8Array(firstRoom)
  #size = 0

  /** Takes the next event. One that does not come after those before is passed over: its chain is broken. */
  note(lseq: number, { type, ts }: StoredPayload): void {
    if (this.#size > 0 && lseq <= (this.#numbers[this.#size - 1] ?? 0)) return
    if (this.#size === this.#numbers.length) this.#grow()
    this.#numbers[this.#size] = lseq
    this.#times[this.#size] = ts
    this.#kinds[this.#size] = this.#kindOf(type)
    this.#size++
  }

  find(lseq: number): StoredPayload | undefined {
    let [low, high] = [0, this.#size]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#numbers[middle] ?? 0) < lseq) low = middle + 1
      else high = middle
    }
    if (low === this.#size || this.#numbers[low] !== lseq) return undefined
    return { type: this.#types[this.#kinds[low] ?? 0] ?? "", ts: this.#times[low] ?? 0 }
  }

  /** The catalogue of types is closed and far below what a byte can name. */
  #kindOf(type: string): number {
    const known = this.#types.indexOf(type)
    return known >= 0 ? known : this.#types.push(type) - 1
  }

  #grow(): void {
    const room = this.#size * 2
    const [numbers, times, kinds] = [this.#numbers, this.#times, this.#kinds]
    this.#numbers = new Float64Array(room)
    this.#times = new Float64Array(room)
    this.#kinds = new Uint8Array(room)
    this.#numbers.set(numbers)
    this.#times.set(times)
    this.#kinds.set(kinds)
  }
}
