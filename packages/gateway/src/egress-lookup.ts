import { lookup } from "node:dns/promises"
import { AmcError } from "@amc/core"
import type { EgressLimits } from "./egress-limits.ts"

/** All addresses of a name. */
export type Resolve = (host: string) => Promise<readonly string[]>

/** As the machine's own programs would find them. */
export const systemResolve: Resolve = async (host) =>
  (await lookup(host, { all: true, order: "verbatim" })).map(({ address }) => address)

/** The addresses of a name; the same array for all connections that share an answer. */
type Addresses = readonly [string, ...string[]]

interface Lookup {
  readonly found: Promise<Addresses>
  /** Until when it counts; null while it is under way. */
  untilMs: number | null
}

/**
 * Looks names up, some at once. A connection takes part in a lookup that is under way or was just answered,
 * and what it got is what it dials: a later answer changes nothing.
 */
export class Lookups {
  readonly #resolve: Resolve
  readonly #limits: EgressLimits
  readonly #waiting: (() => void)[] = []
  readonly #clock: () => number
  readonly #known = new Map<string, Lookup>()
  #running = 0

  constructor(resolve: Resolve, limits: EgressLimits, clock: () => number) {
    this.#clock = clock
    this.#resolve = resolve
    this.#limits = limits
  }

  /**
   * The addresses of a name, one at least.
   *
   * @throws {@link AmcError} `egress/unresolved`, `egress/timeout`, `egress/busy`
   */
  async find(host: string): Promise<Addresses> {
    const { lookupMs } = this.#limits
    const known = this.#known.get(host)
    const counts = known !== undefined && (known.untilMs ?? Infinity) > this.#clock()
    const { found, untilMs } = counts ? known : this.#start(host)
    // What is known needs no clock of its own.
    if (untilMs !== null) return found
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(lateLookup()), lookupMs)
    })
    try {
      return await Promise.race([found, late])
    } finally {
      clearTimeout(timer)
    }
  }

  #start(host: string): Lookup {
    const { lookups, lookupsWaiting } = this.#limits
    if (this.#running >= lookups && this.#waiting.length >= lookupsWaiting)
      throw new AmcError("egress/busy", "too many names are looked up at once")
    const started: Lookup = { found: this.#inTurn(host), untilMs: null }
    this.#known.set(host, started)
    started.found.then(
      () => this.#keep(host, started),
      () => this.#known.delete(host),
    )
    return started
  }

  /** A clock that is set back keeps nothing for longer than a moment. */
  #keep(host: string, started: Lookup): void {
    const { lookupKeptMs } = this.#limits
    started.untilMs = this.#clock() + lookupKeptMs
    setTimeout(() => this.#known.delete(host), lookupKeptMs).unref()
  }

  /** One that takes too long still holds its thread, and so its turn. */
  async #inTurn(host: string): Promise<Addresses> {
    if (this.#running >= this.#limits.lookups)
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#running++
    try {
      return someOf(await this.#resolve(host))
    } catch (cause) {
      throw cause instanceof AmcError ? cause : unresolved(cause)
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }
}

function someOf([first, ...others]: readonly string[]): Addresses {
  if (first === undefined) throw unresolved()
  return [first, ...others]
}

function unresolved(cause?: unknown): AmcError {
  return new AmcError("egress/unresolved", "the name has no address", { cause })
}

function lateLookup(): AmcError {
  return new AmcError("egress/timeout", "the name was not resolved in time")
}
