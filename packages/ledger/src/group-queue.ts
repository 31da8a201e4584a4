import { setImmediate as nextTurn } from "node:timers/promises"

const groupMax = 128

/**
 * Hands what is waiting to one function at a time, in order: what arrives while a group is being
 * dealt with makes the next group. Nobody waits for a timer.
 */
export class GroupQueue<T> {
  readonly #commit: (group: readonly T[]) => Promise<void>
  #waiting: T[] = []
  #pushed = 0
  #done = 0
  #isDraining = false
  #watchers: { readonly until: number; readonly wake: () => void }[] = []

  /** What `commit` throws is a bug: nothing more is handed over, and the process gets to see it. */
  constructor(commit: (group: readonly T[]) => Promise<void>) {
    this.#commit = commit
  }

  push(item: T): void {
    this.#waiting.push(item)
    this.#pushed++
    if (!this.#isDraining) void this.#drain()
  }

  /** Takes out all that waits and has not been handed over. */
  takeAll(): T[] {
    return this.#waiting.splice(0)
  }

  /** Resolves when all that was pushed before has been dealt with. */
  flush(): Promise<void> {
    if (this.#done === this.#pushed) return Promise.resolve()
    return new Promise((wake) => this.#watchers.push({ until: this.#pushed, wake }))
  }

  async #drain(): Promise<void> {
    this.#isDraining = true
    try {
      while (this.#waiting.length > 0) {
        // Lets everything in that has already arrived in this turn of the event loop.
        await nextTurn()
        const group = this.#waiting.splice(0, groupMax)
        await this.#commit(group)
        this.#wakeUpTo(this.#done + group.length)
      }
      this.#isDraining = false
    } finally {
      // After a bug nothing is handed over any more, but nobody shall wait for it for ever either.
      if (this.#isDraining) this.#wakeUpTo(this.#pushed)
    }
  }

  #wakeUpTo(done: number): void {
    this.#done = done
    const due = this.#watchers.filter(({ until }) => until <= done)
    this.#watchers = this.#watchers.filter(({ until }) => until > done)
    for (const { wake } of due) wake()
  }
}
