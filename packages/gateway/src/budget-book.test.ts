import type { Budget } from "@amc/core"
import * as fc from "fast-check"
import { expect, test } from "vitest"
import { BudgetBook, type Grant, type Spender } from "./budget-book.ts"
import { dimensions, exactly, mapAmounts, type Need, noAmounts, type Want } from "./purse.ts"

const day = 86_400_000

function spender(
  budgets: { lease?: Budget; session?: Budget; day?: Budget },
  id = "lease-1",
): Spender {
  return { id, agent: "agent-1", policies: [{ source: "gateway.yaml", policy: { budgets } }] }
}

function want(tokens: bigint | null): Want {
  const none = exactly(0n)
  return { calls: exactly(1n), bytes: none, tokens: needOf(tokens), money_micros: none }
}

function needOf(most: bigint | null): Need {
  return most === null ? { least: 1n, most } : exactly(most)
}

const used = (tokens: bigint) => ({ ...noAmounts, calls: 1n, tokens })
const short = { code: "gateway/budget" }

test("L7: two calls at once can't both take the last unit", async () => {
  const book = new BudgetBook(() => 0)
  const who = spender({ session: { tokens: 10 } })
  const taken = await Promise.allSettled([1, 2, 3].map(() => book.take(who, "s", want(6n))))
  expect(taken.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected"])
  expect((taken[1] as PromiseRejectedResult).reason.message).toBe(
    "budgets.session.tokens of gateway.yaml: calls under way hold what is left",
  )
})

test("what a call did not need is there for the next, and what it needed is not", async () => {
  const book = new BudgetBook(() => 0)
  const who = spender({ session: { tokens: 10 } })
  const grant = await book.take(who, "s", want(10n))
  grant.settle(used(4n))
  grant.settle(used(4n))
  await expect(book.take(who, "s", want(7n))).rejects.toMatchObject(short)
  await book.take(who, "s", want(6n))
})

test("a call that nothing bounds holds all that is left", async () => {
  const book = new BudgetBook(() => 0)
  const who = spender({ session: { tokens: 10 } })
  const grant = await book.take(who, "s", want(null))
  await expect(book.take(who, "s", want(1n))).rejects.toMatchObject(short)
  grant.settle(used(10n))
  await expect(book.take(who, "s", want(null))).rejects.toMatchObject(short)
})

test("a budget of a lease, of a session and of an agent's day each count their own", async () => {
  const time = { now: 5 * day }
  const book = new BudgetBook(() => time.now)
  const spend = async (who: Spender, session: string) =>
    (await book.take(who, session, want(1n))).settle(used(1n))
  const [one, two] = [spender({ lease: { calls: 1 } }, "a"), spender({ lease: { calls: 1 } }, "b")]
  await spend(one, "s")
  await spend(two, "s")
  await expect(spend(one, "t")).rejects.toMatchObject(short)
  const bySession = spender({ session: { calls: 1 } })
  await spend(bySession, "s")
  await spend(bySession, "t")
  const byDay = spender({ day: { calls: 1 } })
  await spend(byDay, "s")
  await expect(spend({ ...byDay, id: "b" }, "t")).rejects.toMatchObject(short)
  time.now += day
  await spend(byDay, "s")
})

test("what was spent before a restart counts for the day, and is asked for once", async () => {
  const asked: unknown[] = []
  const book = new BudgetBook(
    () => 3 * day + 5,
    async (...terms) => {
      asked.push(terms)
      return { ...noAmounts, tokens: 8n }
    },
  )
  const who = spender({ day: { tokens: 10 } })
  const [first, second] = [book.take(who, "s", want(2n)), book.take(who, "s", want(1n))]
  await first
  await expect(second).rejects.toMatchObject(short)
  expect(asked).toEqual([["agent-1", 3 * day]])
})

test("nothing is taken from one budget when another has no room", async () => {
  const book = new BudgetBook(() => 0)
  const who = spender({ lease: { tokens: 10 }, session: { tokens: 3 } })
  for (let tries = 0; tries < 5; tries++)
    await expect(book.take(who, "s", want(5n))).rejects.toMatchObject(short)
  await book.take(who, "s", want(3n))
  await book.take(who, "t", want(3n))
})

test("L7: whatever calls come and end, in any order, no budget is exceeded", async () => {
  const amount = fc.bigInt({ min: 0n, max: 30n })
  const budget = fc.record(
    {
      calls: fc.nat(6),
      bytes: fc.nat(60),
      tokens: fc.nat(60),
      money_micros: fc.nat(60).map(String),
    },
    { requiredKeys: [] },
  )
  const step = fc.record({
    wants: fc.tuple(amount, fc.option(amount), fc.option(amount)),
    share: fc.integer({ min: 0, max: 4 }),
    ends: fc.option(fc.nat(9)),
  })
  await fc.assert(
    fc.asyncProperty(budget, fc.array(step, { maxLength: 25 }), async (limits, steps) => {
      const book = new BudgetBook(() => 0)
      const who = spender({ session: limits })
      const open: { grant: Grant; most: (dimension: (typeof dimensions)[number]) => bigint }[] = []
      let spent = noAmounts
      const limit = (name: (typeof dimensions)[number]): bigint => BigInt(limits[name] ?? 1_000_000)
      const left = (name: (typeof dimensions)[number]): bigint =>
        limit(name) - spent[name] - open.reduce((sum, { most }) => sum + most(name), 0n)
      const end = (at: number, share: number): void => {
        const [call] = open.splice(at, 1)
        if (call === undefined) return
        const cost = mapAmounts((name) =>
          name === "calls" ? 1n : (call.most(name) * BigInt(share)) / 4n,
        )
        spent = mapAmounts((name) => spent[name] + cost[name])
        call.grant.settle(cost)
      }
      for (const {
        wants: [bytes, tokens, money],
        share,
        ends,
      } of steps) {
        const asked: Want = {
          calls: exactly(1n),
          bytes: exactly(bytes),
          tokens: needOf(tokens),
          money_micros: { least: 0n, most: money },
        }
        const before = mapAmounts(left)
        const grant = await book.take(who, "s", asked).catch(() => null)
        const held = mapAmounts((name) => {
          const { most } = asked[name]
          if (limits[name] === undefined) return most ?? 0n
          return most === null || most > before[name] ? before[name] : most
        })
        if (grant !== null) open.push({ grant, most: (name) => held[name] })
        if (ends !== null) end(ends % Math.max(1, open.length), share)
        for (const name of dimensions)
          if (limits[name] !== undefined) expect(left(name) >= 0n).toBe(true)
      }
      while (open.length > 0) end(0, 4)
      for (const name of dimensions)
        if (limits[name] !== undefined) expect(spent[name] <= limit(name)).toBe(true)
    }),
  )
})
