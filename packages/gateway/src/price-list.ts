import type { ModelPrice } from "@amc/core"
import { fitsPattern } from "./name-pattern.ts"
import table from "./prices.json" with { type: "json" }

const million = 1_000_000n
/** How vendors name a fixed version of a model. */
const dated = /-(?:\d{4}-\d{2}-\d{2}|\d{8}|latest)$/

/**
 * What models cost, in micro-units for a million tokens. The shipped table has a date and goes stale: a
 * budget of money is only as right as the prices that the owner signed for.
 */
export class PriceList {
  readonly #own: readonly ModelPrice[]
  readonly #shipped: readonly ModelPrice[]

  /** `own` counts before what is shipped; the longest name that fits counts. */
  constructor(own: readonly ModelPrice[] = [], shipped: readonly ModelPrice[] = table.models) {
    this.#own = own
    this.#shipped = shipped
  }

  find(model: string): ModelPrice | null {
    return best(this.#own, model) ?? best(this.#shipped, model)
  }
}

/** What so many tokens cost, rounded up. */
export function costOf(price: ModelPrice, input: bigint, output: bigint): bigint {
  return (
    upToWhole(input * BigInt(price.input_micros)) + upToWhole(output * BigInt(price.output_micros))
  )
}

function upToWhole(product: bigint): bigint {
  return (product + million - 1n) / million
}

function best(prices: readonly ModelPrice[], name: string): ModelPrice | null {
  const plain = name.replace(dated, "")
  const fitting = prices.filter(
    ({ model }) => fitsPattern(model, name) || fitsPattern(model, plain),
  )
  return fitting.toSorted((a, b) => b.model.length - a.model.length)[0] ?? null
}
