import { AmcError } from "@amc/core"
import type { BudgetBook } from "./budget-book.ts"
import type { HeldPolicy } from "./held-policy.ts"
import type { Lease } from "./lease.ts"
import type { PriceList } from "./price-list.ts"
import { bareWant, boundsOf, type Outlay, spentOn, wantOf } from "./spending.ts"
import { brokenRule, type JudgedRequest, looksIntoBody } from "./wire-rules.ts"

/** A call that may be forwarded. */
export interface Admitted {
  /** Tells what the call came to, once it has ended. */
  settle(outlay: Outlay): void
}

export interface AdmissionTerms extends JudgedRequest {
  readonly lease: Lease
  readonly session: string
  readonly bodyBytes: number
}

/** Decides whether a recorded request is forwarded: by the rules of its lease's policies, then by their budgets. */
export class Admission {
  readonly #budgets: BudgetBook
  readonly #prices: PriceList

  constructor(budgets: BudgetBook, prices: PriceList) {
    this.#budgets = budgets
    this.#prices = prices
  }

  /** Whether the bodies of a lease's requests are to be read for its rules. */
  needsBody({ policies }: Lease): boolean {
    return policies.some(({ policy }) => looksIntoBody(policy))
  }

  /**
   * Admits a request, and holds what it may come to.
   *
   * @throws {@link AmcError} `gateway/policy`, `gateway/budget`
   */
  async admit(terms: AdmissionTerms): Promise<Admitted> {
    const { lease, session, bodyBytes, wire, model } = terms
    if (lease.policies.length === 0) return free
    const broken = brokenRule(lease.policies, terms)
    if (broken !== null)
      throw new AmcError("gateway/policy", `${broken.rule}: ${broken.detail}`, {
        hint: broken.next,
      })
    // A model in the path is the one that is called, whatever the body names.
    const called = model || (wire?.model ?? "")
    const price = this.#prices.find(called)
    const payer = lease.policies.find(isPaid)
    if (payer !== undefined && wire !== null && price === null)
      throw new AmcError(
        "gateway/policy",
        `budgets of ${payer.source}: no price is known for the model ${called}`,
        { hint: "the owner can put its price into gateway.yaml under prices, and sign that" },
      )
    const bounds = boundsOf(bodyBytes, wire, price)
    const want = wire === null ? bareWant() : wantOf(bounds)
    const grant = await this.#budgets.take(lease, session, want)
    return { settle: (outlay) => grant.settle(spentOn(bounds, outlay)) }
  }
}

/** With no policy there is nothing to count. */
const free: Admitted = { settle: () => undefined }

function isPaid({ policy: { budgets } }: HeldPolicy): boolean {
  return Object.values(budgets ?? {}).some((budget) => budget?.money_micros !== undefined)
}
