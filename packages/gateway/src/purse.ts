import type { Budget } from "@amc/core"

export const dimensions = ["calls", "bytes", "tokens", "money_micros"] as const
export type Dimension = (typeof dimensions)[number]
export type Amounts = Readonly<Record<Dimension, bigint>>

/** What a call may come to, of which `least` has to be there; `most` is null where nothing bounds it. */
export interface Need {
  readonly least: bigint
  readonly most: bigint | null
}
export type Want = Readonly<Record<Dimension, Need>>

export const noAmounts: Amounts = { calls: 0n, bytes: 0n, tokens: 0n, money_micros: 0n }

/** Why a budget has no room: what is short, and whether calls under way may yet give some back. */
export interface Shortage {
  readonly dimension: Dimension
  readonly isHeld: boolean
}

/**
 * One budget with what was spent and what calls under way hold. What is held and spent never exceeds the
 * budget, unless an answer comes to more than its call was bounded to.
 */
export class Purse {
  readonly #limits: Budget
  #spent: Amounts
  #held: Amounts = noAmounts

  constructor(limits: Budget, spent: Amounts = noAmounts) {
    this.#limits = limits
    this.#spent = spent
  }

  get spent(): Amounts {
    return this.#spent
  }

  /** What is missing for a call, or null. */
  shortage(want: Want): Shortage | null {
    for (const dimension of dimensions) {
      const limit = limitOf(this.#limits, dimension)
      if (limit === null) continue
      const unspent = limit - this.#spent[dimension]
      const { least, most } = want[dimension]
      // Of nothing that is left nobody can take a part.
      const needed = least > 0n || most === 0n ? least : 1n
      if (needed > unspent - this.#held[dimension]) return { dimension, isHeld: needed <= unspent }
    }
    return null
  }

  /** Takes what a call may come to, or all that is left if that is less. The caller has asked for {@link Purse.shortage} just before. */
  hold(want: Want): Amounts {
    const held = mapAmounts((dimension) => this.#within(dimension, want[dimension]))
    this.#held = mapAmounts((dimension) => this.#held[dimension] + held[dimension])
    return held
  }

  /** Gives back what was held, and counts what the call came to. */
  settle(held: Amounts, used: Amounts): void {
    this.#held = mapAmounts((dimension) => this.#held[dimension] - held[dimension])
    this.#spent = mapAmounts((dimension) => this.#spent[dimension] + used[dimension])
  }

  #within(dimension: Dimension, { most }: Need): bigint {
    const limit = limitOf(this.#limits, dimension)
    if (limit === null) return most ?? 0n
    const left = limit - this.#spent[dimension] - this.#held[dimension]
    return most === null || most > left ? left : most
  }
}

/** A need of exactly so much. */
export function exactly(amount: bigint): Need {
  return { least: amount, most: amount }
}

/** Amounts by dimension. */
export function mapAmounts(amount: (dimension: Dimension) => bigint): Amounts {
  return {
    calls: amount("calls"),
    bytes: amount("bytes"),
    tokens: amount("tokens"),
    money_micros: amount("money_micros"),
  }
}

function limitOf(budget: Budget, dimension: Dimension): bigint | null {
  const limit = budget[dimension]
  return limit === undefined ? null : BigInt(limit)
}

export function sumAmounts(a: Amounts, b: Amounts): Amounts {
  return mapAmounts((dimension) => a[dimension] + b[dimension])
}
