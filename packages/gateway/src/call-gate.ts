import { AmcError } from "@amc/core"
import type { Spender } from "./budget-book.ts"
import { holderOf } from "./held-policy.ts"

const minute = 60_000

interface Traffic {
  /** When calls of the last minute began, oldest first. */
  readonly starts: number[]
  running: number
}

/** Lets so many calls begin in any minute, and so many run at once. */
export class CallGate {
  readonly #clock: () => number
  readonly #traffic = new Map<string, Traffic>()

  constructor(clock: () => number) {
    this.#clock = clock
  }

  /**
   * Counts a call that begins. Whoever gets the answer calls it when the call has ended.
   *
   * @throws {@link AmcError} `gateway/rate-limit`
   */
  enter(spender: Spender): () => void {
    const now = this.#clock()
    const entered = spender.policies.flatMap((held) => {
      const { policy, source } = held
      if (policy.requests_per_minute === undefined && policy.concurrent_calls === undefined)
        return []
      const traffic = this.#of(holderOf(held, spender), now)
      if (traffic.starts.length >= (policy.requests_per_minute ?? Infinity))
        throw crowded(`requests_per_minute of ${source}: ${policy.requests_per_minute} are allowed`)
      if (traffic.running >= (policy.concurrent_calls ?? Infinity))
        throw crowded(`concurrent_calls of ${source}: ${policy.concurrent_calls} are allowed`)
      return [traffic]
    })
    for (const traffic of entered) {
      traffic.starts.push(now)
      traffic.running++
    }
    return () => {
      for (const traffic of entered.splice(0)) traffic.running--
    }
  }

  #of(holder: string, now: number): Traffic {
    const known = this.#traffic.get(holder)
    if (known === undefined) this.#forgetIdle(now)
    const traffic = known ?? { starts: [], running: 0 }
    this.#traffic.set(holder, traffic)
    // A clock that was set back must not keep anybody out for longer than a minute.
    while (traffic.starts.length > 0 && Math.abs(now - (traffic.starts[0] ?? 0)) >= minute)
      traffic.starts.shift()
    return traffic
  }

  #forgetIdle(now: number): void {
    for (const [holder, { starts, running }] of this.#traffic)
      if (running === 0 && Math.abs(now - (starts.at(-1) ?? 0)) >= minute)
        this.#traffic.delete(holder)
  }
}

function crowded(message: string): AmcError {
  return new AmcError("gateway/rate-limit", message, { hint: "repeat it a little later" })
}
