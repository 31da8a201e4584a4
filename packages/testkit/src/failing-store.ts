import { AmcError } from "@amc/core"
import type { EventStore } from "@amc/ledger"

/** Which appends fail, counted from 0, and whether their rows are there all the same. */
export interface FailurePlan {
  readonly failsBefore?: (append: number) => boolean
  readonly failsAfter?: (append: number) => boolean
}

/** A store on a medium that fails: before it wrote anything, or after it wrote all of it. */
export function failingStore(store: EventStore, plan: FailurePlan): EventStore {
  let appends = 0
  const append: EventStore["append"] = async (...terms) => {
    const nth = appends++
    if (plan.failsBefore?.(nth) === true) throw broken()
    await store.append(...terms)
    if (plan.failsAfter?.(nth) === true) throw broken()
  }
  return new Proxy(store, {
    get(target, name) {
      if (name === "append") return append
      const member: unknown = Reflect.get(target, name, target)
      return typeof member === "function" ? (member.bind(target) as unknown) : member
    },
  })
}

function broken(): AmcError {
  return new AmcError("store/unavailable", "the medium failed, as planned")
}
