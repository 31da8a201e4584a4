/** What happened, and how often. */
export interface Occurrence {
  readonly what: string
  readonly times: number
}

/** Counts what happened by its name; what comes after the first `mostTold` names is told as "others". */
export class Occurrences {
  readonly #times = new Map<string, number>()
  readonly #mostTold: number

  constructor(mostTold: number = Infinity) {
    this.#mostTold = mostTold
  }

  add(what: string): void {
    const told = this.#times.has(what) || this.#times.size < this.#mostTold ? what : "others"
    this.#times.set(told, (this.#times.get(told) ?? 0) + 1)
  }

  get all(): readonly Occurrence[] {
    return [...this.#times].map(([what, times]) => ({ what, times }))
  }
}
