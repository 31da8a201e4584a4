import { expect, test } from "vitest"
import { bank1 } from "./bank-1.ts"
import { type Need, type Question, questionsOf } from "./bank.ts"
import { isAskable, isEmittedNeed } from "./need.ts"
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

test("a question is asked where all that it reads is recorded", () => {
  expect(questionsOf(bank1).every(({ id }) => isAskable(id))).toBe(true)
  expect(isAskable("RES-07")).toBe(false)
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
