import { setImmediate as nextTurn } from "node:timers/promises"
import { connectionsMax, type Observation, type Recorded } from "@amc/core"

/** Whose evidence it is. */
export type Origin = Pick<Observation, "channel" | "agent" | "session">

interface Waiting<T> {
  readonly one: T
  readonly resolve: (recorded: Recorded) => void
  readonly reject: (error: unknown) => void
}

interface Group<T> {
  readonly origin: Origin
  readonly waiting: Waiting<T>[]
}

/**
 * Writes what connections have to say in events that list what came in one turn, or in a pause, and while
 * the last event was written.
 */
export class EvidenceGroups<T> {
  readonly #write: (origin: Origin, group: readonly T[]) => Promise<Recorded>
  #groups = new Map<string, Group<T>>()
  readonly #pauseMs: number
  #isWriting = false
  #hurry: (() => void) | null = null

  /** With a pause, a group waits so long for others; without one a lone connection waits for nobody. */
  constructor(write: (origin: Origin, group: readonly T[]) => Promise<Recorded>, pauseMs = 0) {
    this.#write = write
    this.#pauseMs = pauseMs
  }

  /** Ends the pause, so that what waits comes with an event that is written anyway. */
  hurry(): void {
    this.#hurry?.()
  }

  /** Resolves when it is durable. What is said of one origin is written in the order in which it was said. */
  record(origin: Origin, one: T): Promise<Recorded> {
    return new Promise((resolve, reject) => {
      this.#groupOf(origin).push({ one, resolve, reject })
      if (!this.#isWriting) void this.#drain()
    })
  }

  #groupOf(origin: Origin): Waiting<T>[] {
    const key = `${origin.channel} ${origin.session}`
    const known = this.#groups.get(key)
    if (known !== undefined) return known.waiting
    const waiting: Waiting<T>[] = []
    this.#groups.set(key, { origin, waiting })
    return waiting
  }

  async #drain(): Promise<void> {
    this.#isWriting = true
    while (this.#groups.size > 0) {
      await (this.#pauseMs === 0 ? nextTurn() : this.#pause())
      const groups = this.#groups
      this.#groups = new Map()
      await Promise.all(Array.from(groups.values(), (group) => this.#settle(group)))
    }
    this.#isWriting = false
  }

  async #pause(): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      this.#hurry = resolve
      timer = setTimeout(resolve, this.#pauseMs)
    })
    clearTimeout(timer)
    this.#hurry = null
  }

  async #settle({ origin, waiting }: Group<T>): Promise<void> {
    for (let at = 0; at < waiting.length; at += connectionsMax) {
      const some = waiting.slice(at, at + connectionsMax)
      try {
        const recorded = await this.#write(
          origin,
          some.map(({ one }) => one),
        )
        for (const { resolve } of some) resolve(recorded)
      } catch (error) {
        for (const { reject } of some) reject(error)
      }
    }
  }
}
