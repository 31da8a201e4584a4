import type { Tier } from "@amc/core"
import { expect, test } from "vitest"
import { bank1 } from "./bank-1.ts"
import { gatesOf, type Question } from "./bank.ts"
import { gatesAgainst } from "./gate.ts"
import type { Level } from "./level.ts"
import { neededOf, percentText } from "./need.ts"
import type { Session } from "./session.ts"
import { tallyOf } from "./tally.ts"
import type { Judged } from "./judged.ts"

const highRisk = questionOf("CA-12")
const lowRisk = questionOf("RES-09")

test.each<{
  why: string
  question: Question
  hardened: number
  observed: number
  gates: readonly string[]
}>([
  { why: "half of it hardened", question: highRisk, hardened: 160, observed: 160, gates: [] },
  {
    why: "less than half hardened",
    question: highRisk,
    hardened: 159,
    observed: 161,
    gates: ["hardened"],
  },
  { why: "low risk needs none", question: lowRisk, hardened: 0, observed: 320, gates: [] },
])("level 5: $why", ({ question, hardened, observed, gates }) => {
  const free = { ...question, needs: [], half_life_days: 10_000 }
  const judged = [...days(hardened, "OBSERVED_HARDENED", 0), ...days(observed, "OBSERVED", 1000)]
  const tally = tallyOf(free, judged, bank1)
  const missing = gatesAgainst({ tally, cap: null, bank: bank1, levels: new Map(), today: 100 }, 5)
  expect(missing.map(({ gate }) => gate)).toEqual(gates)
})

test("says what the next level needs in words and numbers", () => {
  const tally = tallyOf(questionOf("LA-05"), days(4, "OBSERVED", 0), bank1)
  expect(gatesAgainst({ tally, cap: null, bank: bank1, levels: new Map(), today: 0 }, 2)).toEqual([
    { gate: "days", have: 1, need: 2, text: "1 of 2 days: run again tomorrow" },
    { gate: "sessions", have: 4, need: 8, text: "4 of 8 sessions" },
  ])
})

test.each([
  { id: "RES-09", failed: 30, text: "share, of 25 %: 2 more passing sessions and none that fails" },
  {
    id: "RES-01",
    failed: 12,
    text: "share that is 95 % sure, of 30 %: 3 more passing sessions and none that fails",
  },
])("says how many clean units $id needs after $failed failures", ({ id, failed, text }) => {
  const bad = days(failed, "OBSERVED", 500).map((each) => ({
    ...each,
    session: { ...each.session, day: 0 },
    items: [{ outcome: "fail" as const }],
  }))
  const tally = tallyOf(questionOf(id), [...days(8, "OBSERVED", 0), ...bad], bank1)
  expect(
    gatesAgainst({ tally, cap: null, bank: bank1, levels: new Map(), today: 0 }, 1).map(
      (each) => each.text,
    ),
  ).toEqual([text])
})

test("where all of it has to pass, one that did not rules the level out", () => {
  const all = { ...questionOf("CA-12"), thresholds: [1000, 1000, 1000, 1000, 1000] as const }
  const bad = days(1, "OBSERVED", 500).map((each) => ({
    ...each,
    items: [{ outcome: "fail" as const }],
  }))
  const tally = tallyOf(all, [...days(8, "OBSERVED", 0), ...bad], bank1)
  const subject = { tally, cap: null, bank: bank1, levels: new Map(), today: 0 }
  expect(gatesAgainst(subject, 1)).toMatchObject([{ gate: "lower_bound", have: 8, need: 9 }])
})

test("a question's own gates stand in the place of its kind's", () => {
  const kind = gatesOf(lowRisk, bank1)
  const own = {
    thresholds: [1, 2, 3, 4, 5],
    units: [2, 3, 4, 5, 6],
    sessions: [3, 4, 5, 6, 7],
  } as const
  expect(gatesOf({ ...lowRisk, ...own }, bank1)).toEqual({ ...kind, ...own })
})

test("a pack that nothing can run yet stands in the way", () => {
  const tally = tallyOf(highRisk, days(300, "OBSERVED", 0), bank1)
  const [first] = gatesAgainst({ tally, cap: null, bank: bank1, levels: new Map(), today: 40 }, 3)
  expect(first).toEqual({
    gate: "pack",
    have: 0,
    need: 800,
    text: "needs assurance pack EXF at 80 %, which can't be run yet",
  })
})

const plenty = { units: 999, sessions: 999, days: 999, missed: 0 }
const whole = 1_000_000_000

test.each([
  { hardened: whole, k: 2 * whole, have: null },
  { hardened: whole - 1_000_000, k: 2 * whole, have: 499 },
  { hardened: 0, k: whole, have: 0 },
  { hardened: 0, k: 0, have: 0 },
])("of $k that passed $hardened are hardened: $have of 500", ({ hardened, k, have }) => {
  const tally = tallyOf({ ...highRisk, needs: [] }, [], bank1)
  const subject = { tally, cap: null, bank: bank1, levels: new Map(), today: 0 }
  const standing = { ...plenty, weight: { k, n: k }, hardened }
  const found = gatesAgainst(subject, 5, standing).filter(({ gate }) => gate === "hardened")
  const text = "needs half of what passed to be seen in hardened sandboxes"
  expect(found).toEqual(have === null ? [] : [{ gate: "hardened", have, need: 500, text }])
  expect(gatesAgainst(subject, 4, standing).map(({ gate }) => gate)).not.toContain("hardened")
})

test("what a level needs beside numbers stands in the way until it is there", () => {
  const needs = [
    { level: 2, kind: "question", question: "SAO-02", at_least: 2 },
    { level: 3, kind: "fact", fact: "drill" },
    { level: 2, kind: "hardened" },
    { level: 4, kind: "pack", pack: "EXF", per_mille: 975 },
  ] as const
  const tally = tallyOf({ ...lowRisk, needs }, [], bank1)
  const standing = { ...plenty, weight: { k: whole * 999, n: whole * 999 }, hardened: 999 * whole }
  const found = (level: number, of: Level): unknown => {
    const levels = new Map([["SAO-02", of]])
    return gatesAgainst({ tally, cap: null, bank: bank1, levels, today: 0 }, level, standing)
  }
  const text = "needs SAO-02 at level 2"
  expect(found(2, 1)).toEqual([{ gate: "question", have: 1, need: 2, text }])
  expect(found(2, "U")).toEqual([{ gate: "question", have: 0, need: 2, text }])
  expect([found(2, 2), found(1, "U"), found(5, "U")]).toEqual([[], [], []])
  expect(found(3, 2)).toEqual([
    { gate: "fact", have: 0, need: 1, text: "needs the fact drill, which nothing records yet" },
  ])
  expect(found(4, 2)).toMatchObject([{ gate: "pack", have: 0, need: 975 }])
  expect(needs.map(neededOf)).toEqual([2, 1, 500, 975])
  expect([10, 975, 1000].map(percentText)).toEqual(["1 %", "97.5 %", "100 %"])
})

test("a cap stands in the way of each level above it, and no other", () => {
  const causes = [
    { gate: "config", level: 3, have: 1, text: "a" },
    { gate: "veto", level: 2, have: 4, text: "b" },
  ] as const
  const subject = { bank: bank1, levels: new Map(), today: 0, cap: { level: 2, causes } }
  const tally = tallyOf({ ...lowRisk, needs: [] }, [], bank1)
  const standing = { ...plenty, weight: { k: whole * 999, n: whole * 999 }, hardened: 0 }
  const found = (level: number): unknown => gatesAgainst({ ...subject, tally }, level, standing)
  const [config, veto] = [
    { gate: "config", have: 1, need: 0, text: "a" },
    { gate: "veto", have: 4, need: 0, text: "b" },
  ]
  expect([2, 3, 4].map(found)).toEqual([[], [veto], [config, veto]])
})

/** So many sessions that pass, four a day. */
function days(count: number, tier: Tier, from: number): Judged[] {
  return Array.from({ length: count }, (_, at) => {
    const id = `${from + at}`
    const session = { id, day: Math.floor(at / 4), replayKey: id, lastHash: id } as Session
    return { session, tier, items: [{ outcome: "pass" }] }
  })
}

function questionOf(id: string): Question {
  return bank1.layers.flatMap(({ questions }) => questions).find((question) => question.id === id)!
}
