import { AmcError, type Budget, budgetSpans, type BudgetSpan } from "@amc/core"
import { type HeldPolicy, holderOf } from "./held-policy.ts"
import { type Amounts, noAmounts, Purse, type Shortage, type Want } from "./purse.ts"

/** Who spends. */
export interface Spender {
  readonly id: string
  readonly agent: string
  readonly policies: readonly HeldPolicy[]
}

/** What a call holds of its budgets until its end is known. */
export interface Grant {
  /** Counts what the call came to, once; a later time changes nothing. */
  settle(used: Amounts): void
}

/** What an agent has spent since a time, as the ledger tells it. */
export type SpentBefore = (agent: string, sinceMs: number) => Promise<Amounts>

const day = 86_400_000
/** Longer than any lease. */
const keptMs = 8 * day

interface Kept {
  readonly purse: Purse
  usedMs: number
}

/**
 * The budgets of all leases, sessions and agents. A call is let through only when each of its budgets
 * has room for all that it may come to, and that is then held for it: no two calls take the same unit.
 */
export class BudgetBook {
  readonly #clock: () => number
  readonly #spentBefore: SpentBefore
  readonly #purses = new Map<string, Kept>()
  readonly #opened = new Map<string, Promise<Amounts>>()

  constructor(clock: () => number, spentBefore: SpentBefore = () => Promise.resolve(noAmounts)) {
    this.#clock = clock
    this.#spentBefore = spentBefore
  }

  /**
   * Takes from every budget of the spender what a call may come to, or from none.
   *
   * @throws {@link AmcError} `gateway/budget`; what asking the ledger fails with
   */
  async take(spender: Spender, session: string, want: Want): Promise<Grant> {
    const dayStart = Math.floor(this.#clock() / day) * day
    const spent = await this.#spentToday(spender, dayStart)
    const purses = budgetsOf(spender).map((budget) => ({
      ...budget,
      purse: this.#purse(budget, spender, { session, dayStart, spent }),
    }))
    for (const { purse, span, source } of purses) {
      const shortage = purse.shortage(want)
      if (shortage !== null) throw overspent(shortage, span, source)
    }
    const holds = purses.map(({ purse }) => ({ purse, held: purse.hold(want) }))
    return {
      settle: (used) => {
        for (const { purse, held } of holds.splice(0)) purse.settle(held, used)
      },
    }
  }

  /** The ledger is asked once a day for each agent that has a budget of a day. */
  #spentToday({ agent, policies }: Spender, dayStart: number): Promise<Amounts> {
    if (!policies.some(({ policy }) => policy.budgets?.day !== undefined))
      return Promise.resolve(noAmounts)
    const key = `${dayStart} ${agent}`
    const known = this.#opened.get(key)
    if (known !== undefined) return known
    const asked = this.#spentBefore(agent, dayStart)
    this.#opened.set(key, asked)
    asked.catch(() => this.#opened.delete(key))
    return asked
  }

  #purse(
    { span, limits, held }: HeldBudget,
    spender: Spender,
    at: { readonly session: string; readonly dayStart: number; readonly spent: Amounts },
  ): Purse {
    const holder = {
      lease: spender.id,
      session: at.session,
      day: `${holderOf(held, spender)} ${at.dayStart}`,
    }[span]
    const key = `${held.source} ${span} ${holder}`
    const now = this.#clock()
    const known = this.#purses.get(key)
    if (known !== undefined) {
      known.usedMs = now
      return known.purse
    }
    this.#forgetOld(now)
    const purse = new Purse(limits, span === "day" ? at.spent : noAmounts)
    this.#purses.set(key, { purse, usedMs: now })
    return purse
  }

  #forgetOld(now: number): void {
    for (const [key, { usedMs }] of this.#purses)
      if (now - usedMs > keptMs) this.#purses.delete(key)
  }
}

interface HeldBudget {
  readonly held: HeldPolicy
  readonly source: string
  readonly span: BudgetSpan
  readonly limits: Budget
}

function budgetsOf({ policies }: Spender): readonly HeldBudget[] {
  return policies.flatMap((held) =>
    budgetSpans.flatMap((span) => {
      const limits = held.policy.budgets?.[span]
      return limits === undefined ? [] : [{ held, source: held.source, span, limits }]
    }),
  )
}

function overspent({ dimension, isHeld }: Shortage, span: BudgetSpan, source: string): AmcError {
  const rule = `budgets.${span}.${dimension} of ${source}`
  return isHeld
    ? new AmcError("gateway/budget", `${rule}: calls under way hold what is left`, {
        hint: "repeat it when they have ended; calls that name how many tokens they want at most hold less",
      })
    : new AmcError("gateway/budget", `${rule}: not enough is left for this request`, {
        hint:
          span === "day"
            ? "wait for tomorrow (UTC), or ask the owner"
            : "ask the owner for a new lease or a larger budget",
      })
}
