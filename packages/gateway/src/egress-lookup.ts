import { lookup } from "node:dns/promises"
import { AmcError } from "@amc/core"
import type { EgressLimits } from "./egress-limits.ts"

/** All addresses of a name. */
export type Resolve = (host: string) => Promise<readonly string[]>

/** As the machine's own programs would find them. */
export const systemResolve: Resolve = async (host) =>
  (await lookup(host, { all: true, order: "verbatim" })).map(({ address }) => address)

/** Looks names up, some at once; each connection asks anew, and what it got is what it dials. */
export class Lookups {
  readonly #resolve: Resolve
  readonly #limits: EgressLimits
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(resolve: Resolve, limits: EgressLimits) {
    this.#resolve = resolve
    this.#limits = limits
  }

  /**
   * The addresses of a name, one at least.
   *
   * @throws {@link AmcError} `egress/unresolved`, `egress/timeout`, `egress/busy`
   */
  async find(host: string): Promise<readonly [string, ...string[]]> {
    const { lookups, lookupsWaiting, lookupMs } = this.#limits
    if (this.#running >= lookups && this.#waiting.length >= lookupsWaiting)
      throw new AmcError("egress/busy", "too many names are looked up at once")
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(lateLookup()), lookupMs)
    })
    try {
      const [first, ...others] = await Promise.race([this.#inTurn(host), late])
      if (first === undefined) throw unresolved()
      return [first, ...others]
    } finally {
      clearTimeout(timer)
    }
  }

  /** One that takes too long still holds its thread, and so its turn. */
  async #inTurn(host: string): Promise<readonly string[]> {
    if (this.#running >= this.#limits.lookups)
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#running++
    try {
      return await this.#resolve(host)
    } catch (cause) {
      throw unresolved(cause)
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }
}

function unresolved(cause?: unknown): AmcError {
  return new AmcError("egress/unresolved", "the name has no address", { cause })
}

function lateLookup(): AmcError {
  return new AmcError("egress/timeout", "the name was not resolved in time")
}
