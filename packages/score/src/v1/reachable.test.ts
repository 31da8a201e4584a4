import { expect, test } from "vitest"
import { bank1 } from "./bank-1.ts"
import { type Need, type PerLevel, type Question, questionsOf } from "./bank.ts"
import { isEmittedNeed, needsHardened } from "./need.ts"
import { isOfDays, reachableLevel } from "./reachable.ts"

/** For each level that today's facts can give, the least window in days: eight sessions of a day count. */
const least: readonly (readonly [string, readonly number[]])[] = [
  ["SAO-02", [1, 2, 4]],
  ["SAO-08", [1, 2, 4]],
  ["SAO-10", [1, 2]],
  ["SAO-11", [1, 3, 6, 12, 24]],
  ["LA-04", [1, 2, 4]],
  ["LA-05", [1, 2]],
  ["LA-06", [1, 2, 4, 13, 38]],
  ["CA-09", [1, 2]],
  ["CA-12", [1, 2]],
  ["RES-01", [1, 2]],
  ["RES-02", [1, 2, 4]],
  ["RES-06", [1, 2]],
  ["RES-09", [1, 2, 4, 13, 38]],
  ["RES-10", [1, 1, 2]],
  ["SK-02", [1, 2, 4, 8, 19]],
]

function questionOf(id: string): Question {
  return questionsOf(bank1).find((question) => question.id === id)!
}

test.each(least)("%s reaches its levels in windows from %j days on", (id, windows) => {
  const question = questionOf(id)
  for (let days = 0; days <= 90; days++)
    expect([days, reachableLevel(question, bank1, days)]).toEqual([
      days,
      windows.filter((from) => from <= days).length,
    ])
})

test.each<{ needs: readonly Need[]; high_risk?: boolean; id?: string; reachable: number }>([
  { needs: [], reachable: 5 },
  { needs: [{ level: 3, kind: "fact", fact: "drill" }], reachable: 2 },
  { needs: [{ level: 3, kind: "fact", fact: "lease" }], reachable: 5 },
  { needs: [{ level: 4, kind: "pack", pack: "EVI", per_mille: 1 }], reachable: 3 },
  { needs: [{ level: 4, kind: "hardened" }], reachable: 5 },
  { needs: [], high_risk: true, reachable: 5 },
  {
    needs: [{ level: 5, kind: "fact", fact: "drill" }],
    high_risk: true,
    reachable: 4,
  },
  { needs: [{ level: 2, kind: "question", question: "SAO-02", at_least: 3 }], reachable: 5 },
  { needs: [{ level: 2, kind: "question", question: "SAO-02", at_least: 4 }], reachable: 1 },
  { needs: [{ level: 2, kind: "question", question: "none", at_least: 0 }], reachable: 1 },
  { needs: [], id: "RES-07", reachable: 0 },
])("with $needs a question of high risk ($high_risk) reaches $reachable", (row) => {
  const { needs, high_risk = false, id = "RES-09", reachable } = row
  const question = { ...questionOf("RES-09"), id, needs, high_risk }
  expect(reachableLevel(question, bank1, 90)).toBe(reachable)
})

test.each([
  { why: "exchanges have no limit", id: "SAO-02", days: 7, reachable: 4 },
  {
    why: "eight sessions of a day count",
    id: "SK-02",
    sessions: [1, 8, 9, 9, 9],
    days: 1,
    reachable: 2,
  },
  { why: "sixteen of two days", id: "SK-02", sessions: [1, 8, 16, 17, 17], days: 2, reachable: 3 },
  {
    why: "days ask for no sessions",
    id: "SAO-11",
    sessions: [999, 999, 999, 999, 999],
    days: 30,
    reachable: 5,
  },
])("$id without needs: $why", ({ id, sessions, days, reachable }) => {
  const gates = bank1.profiles[questionOf(id).profile]
  const own =
    sessions === undefined
      ? {}
      : {
          sessions: sessions as unknown as PerLevel<number>,
          days: [1, 1, 1, 1, 1] as const,
          units: [1, 1, 1, 1, 1] as const,
        }
  const bank = {
    ...bank1,
    profiles: { ...bank1.profiles, [questionOf(id).profile]: { ...gates, ...own } },
  }
  const { units: _, sessions: __, ...question } = questionOf(id)
  expect(reachableLevel({ ...question, needs: [] }, bank, days)).toBe(reachable)
})

test("a window has no more minutes than its days", () => {
  const { needs: _, ...question } = questionOf("SAO-08")
  const time = {
    ...bank1.profiles.time,
    days: [1, 1, 1, 1, 1],
    units: [1, 1440, 1441, 2880, 2881],
  } as const
  const bank = { ...bank1, profiles: { ...bank1.profiles, time } }
  const reached = [1, 2, 3].map((days) => reachableLevel({ ...question, needs: [] }, bank, days))
  expect(reached).toEqual([2, 4, 5])
})

test("hardened sandboxes are asked for at level 5 of what is of high risk, and where the bank says so", () => {
  const at = (high_risk: boolean, needs: readonly Need[]): readonly number[] =>
    [1, 2, 3, 4, 5].filter((level) =>
      needsHardened({ ...questionOf("RES-09"), high_risk, needs }, level),
    )
  expect(at(false, [])).toEqual([])
  expect(at(true, [{ level: 4, kind: "pack", pack: "EVI", per_mille: 1 }])).toEqual([5])
  expect(at(false, [{ level: 4, kind: "hardened" }])).toEqual([4])
})

test("a need is met by facts that something records", () => {
  const needs: readonly Need[] = [
    { level: 1, kind: "question", question: "none", at_least: 5 },
    { level: 1, kind: "hardened" },
    { level: 1, kind: "fact", fact: "lease" },
    { level: 1, kind: "fact", fact: "drill" },
    { level: 1, kind: "pack", pack: "EVI", per_mille: 0 },
  ]
  expect(needs.map(isEmittedNeed)).toEqual([true, true, true, false, false])
  expect(["SAO-08", "SAO-11", "SAO-02", "SK-02"].map((id) => isOfDays(questionOf(id)))).toEqual([
    true,
    true,
    false,
    false,
  ])
})
