import * as fc from "fast-check"
import { expect, test } from "vitest"
import { type PendingCall, PendingCalls } from "./pending-calls.ts"

function waiting(id: number): PendingCall {
  return { id, resolve: () => undefined, reject: () => undefined }
}

test("whoever waits is found by its id once, in whatever order outcomes come", () => {
  const order = fc.shuffledSubarray(
    Array.from({ length: 300 }, (_, id) => id),
    { minLength: 300 },
  )
  fc.assert(
    fc.property(order, fc.nat(1000), (ids, first) => {
      const pending = new PendingCalls()
      const calls = ids.map((_, at) => waiting(first + at))
      for (const call of calls) pending.put(call)
      for (const id of ids) expect(pending.take(first + id)).toBe(calls[id])
      for (const id of ids) expect(pending.take(first + id)).toBeUndefined()
    }),
    { numRuns: 20 },
  )
})

test("one that waits long stays while many others come and go", () => {
  const pending = new PendingCalls()
  const slow = waiting(3)
  pending.put(slow)
  for (let id = 4; id < 1000; id++) {
    const quick = waiting(id)
    pending.put(quick)
    expect(pending.take(id)).toBe(quick)
  }
  expect(pending.take(3 + 64)).toBeUndefined()
  expect(pending.takeAll()).toEqual([slow])
  expect(pending.takeAll()).toEqual([])
})
