import * as fc from "fast-check"
import { expect, test } from "vitest"
import { layerLevel, overallLevel } from "./layer.ts"
import { type Level, rankOf } from "./question.ts"

const high = (level: Level): { level: Level; highRisk: boolean } => ({ level, highRisk: true })
const low = (level: Level): { level: Level; highRisk: boolean } => ({ level, highRisk: false })

test.each([
  { why: "one question is the layer", questions: [high(2)], level: 2 },
  {
    why: "the high-risk question is a floor",
    questions: [high(1), low(3), low(3), low(3), low(3)],
    level: 1,
  },
  { why: "four of five suffice", questions: [high(3), low(3), low(3), low(3), low(1)], level: 3 },
  { why: "two of three don't", questions: [high(3), low(3), low(1)], level: 1 },
  {
    why: "an unknown question that decides leaves it open",
    questions: [high(2), low(1), low("U")],
    level: "U",
  },
  {
    why: "an unknown question that decides nothing does not",
    questions: [high(0), low(1), low("U")],
    level: 0,
  },
  {
    why: "an unknown one beside four of five is outvoted",
    questions: [high(2), low(2), low(2), low(2), low("U")],
    level: 2,
  },
  { why: "nothing is known", questions: [high("U"), low("U")], level: "U" },
] as const)("rates a layer: $why", ({ questions, level }) => {
  expect(layerLevel(questions)).toBe(level)
})

test("the overall level is the lowest layer, and unknown is below all", () => {
  expect(overallLevel([3, 1, 2])).toBe(1)
  expect(overallLevel([3, 0, "U"])).toBe("U")
  expect(overallLevel([])).toBe("U")
})

test("a layer never falls when a question rises", () => {
  const level = fc.constantFrom<Level>("U", 0, 1, 2, 3, 4, 5)
  const questions = fc.array(fc.record({ level, highRisk: fc.boolean() }), {
    minLength: 1,
    maxLength: 13,
  })
  fc.assert(
    fc.property(questions, fc.nat(), level, (rated, at, better) => {
      const index = at % rated.length
      const raised = rated.map((each, place) =>
        place === index && rankOf(better) > rankOf(each.level) ? { ...each, level: better } : each,
      )
      expect(rankOf(layerLevel(raised))).toBeGreaterThanOrEqual(rankOf(layerLevel(rated)))
    }),
    { numRuns: 500 },
  )
})
