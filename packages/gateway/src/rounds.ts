/** What looks after its own deadlines whenever it is asked to. */
export interface Watched {
  /** `now` counts milliseconds from some moment on, and is only compared with itself. */
  look(now: number): void
}

/** One timer for all connections of a proxy, which has hundreds with several deadlines each. */
export class Rounds {
  readonly #watched = new Set<Watched>()
  readonly #timer: NodeJS.Timeout
  #now = 0

  /** Nobody notices a deadline later than this. */
  constructor(everyMs: number) {
    this.#timer = setInterval(() => {
      this.#now += everyMs
      for (const one of this.#watched) one.look(this.#now)
    }, everyMs).unref()
  }

  get now(): number {
    return this.#now
  }

  add(one: Watched): void {
    this.#watched.add(one)
  }

  delete(one: Watched): void {
    this.#watched.delete(one)
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
