import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises"
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

/** How long a group waits for others. */
export interface GroupTimes {
  /** Before it is written; 0 to wait for nobody. */
  readonly pauseMs: number
  /** From the last one to the next, so that a flood makes larger groups and not more of them; 0 waits until that is written. */
  readonly gapMs: number
}

/** Writes what connections have to say in events that list what came together, or since the last event. */
export class EvidenceGroups<T> {
  readonly #write: (origin: Origin, group: readonly T[]) => Promise<Recorded>
  #groups = new Map<string, Group<T>>()
  readonly #times: GroupTimes
  #isWriting = false
  #hurry: (() => void) | null = null

  constructor(
    write: (origin: Origin, group: readonly T[]) => Promise<Recorded>,
    times: GroupTimes = { pauseMs: 0, gapMs: 0 },
  ) {
    this.#write = write
    this.#times = times
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
    const { pauseMs, gapMs } = this.#times
    this.#isWriting = true
    while (this.#groups.size > 0) {
      await (pauseMs === 0 ? nextTurn() : this.#pause(pauseMs))
      const groups = this.#groups
      this.#groups = new Map()
      const written = Promise.all(Array.from(groups.values(), (group) => this.#settle(group)))
      await (gapMs === 0 ? written : sleep(gapMs))
    }
    this.#isWriting = false
  }

  async #pause(pauseMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      this.#hurry = resolve
      timer = setTimeout(resolve, pauseMs)
    })
    clearTimeout(timer)
    this.#hurry = null
  }

  async #settle({ origin, waiting }: Group<T>): Promise<void> {
    const events: Promise<void>[] = []
    for (let at = 0; at < waiting.length; at += connectionsMax)
      events.push(this.#settleOne(origin, waiting.slice(at, at + connectionsMax)))
    await Promise.all(events)
  }

  async #settleOne(origin: Origin, some: readonly Waiting<T>[]): Promise<void> {
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
