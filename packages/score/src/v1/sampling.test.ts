import { expect, test } from "vitest"
import { bestOf, daysOf, type Passed, sampleOf } from "./sampling.ts"

const one: Passed = {
  session: "b",
  day: 1,
  ms: 0,
  replayKey: "k",
  tier: "OBSERVED",
  items: 2,
  hash: "h",
}
const passed = (...changes: readonly Partial<Passed>[]): readonly Passed[] =>
  changes.map((change, at) => ({ ...one, replayKey: `${at}`, ...change }))
const names = (all: readonly Passed[]): readonly string[] => all.map(({ session }) => session)

test.each<{ why: string; all: readonly Passed[]; cap: number; taken: readonly string[] }>([
  {
    why: "the higher tier, whatever it holds and whenever it came",
    all: passed(
      { session: "a", tier: "SELF_REPORTED", items: 9 },
      { session: "c", tier: "OBSERVED_HARDENED", items: 1 },
      { session: "b", tier: "ATTESTED", items: 9 },
    ),
    cap: 2,
    taken: ["c", "b"],
  },
  {
    why: "of one tier the one that holds more",
    all: passed({ session: "a", items: 1 }, { session: "c", items: 3 }, { session: "b" }),
    cap: 2,
    taken: ["c", "b"],
  },
  {
    why: "of equals the first by name",
    all: passed({ session: "c" }, { session: "a" }, { session: "b" }),
    cap: 2,
    taken: ["a", "b"],
  },
  {
    why: "what is played again once, the best of it",
    all: passed(
      { session: "a", replayKey: "same", items: 1 },
      { session: "b", replayKey: "same", items: 2 },
      { session: "c", items: 1 },
    ),
    cap: 8,
    taken: ["b", "c"],
  },
  {
    why: "so many of each day",
    all: passed({ session: "a" }, { session: "b" }, { session: "c", day: 2, replayKey: "0" }),
    cap: 1,
    taken: ["a", "c"],
  },
  { why: "nothing of nothing", all: [], cap: 1, taken: [] },
])("counts $why", ({ all, cap, taken }) => {
  expect(names(sampleOf(all, cap))).toEqual(taken)
  const days = [...daysOf(all).values()].flatMap((ofDay) => bestOf(ofDay, cap))
  expect(names(days)).toEqual(taken)
})
