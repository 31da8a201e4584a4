import * as fc from "fast-check"
import { expect, test } from "vitest"
import { layerLevel, overallLevel, type Rated } from "./layer.ts"
import { rankOf } from "./question.ts"
import type { Level } from "./level.ts"

const high = (level: Level): { level: Level; highRisk: boolean } => ({ level, highRisk: true })
const low = (level: Level): { level: Level; highRisk: boolean } => ({ level, highRisk: false })

test.each([
  ...([0, 1, 2, 3, 4, 5, "U"] as const).map((level) => ({
    why: "one question is the layer",
    questions: [high(level)],
    level,
  })),
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

test.each<{ why: string; occasions: readonly Rated[]; level: Level }>([
  { why: "nothing came up", occasions: [{ ...high("U"), occasion: "none" }], level: 3 },
  { why: "it went well", occasions: [{ ...low(0), occasion: "none" }], level: 3 },
  { why: "it went badly at 1", occasions: [{ ...low(1), occasion: "missed" }], level: 2 },
  { why: "it went badly at 0", occasions: [{ ...low(0), occasion: "missed" }], level: 1 },
  {
    why: "it went badly and has no level",
    occasions: [{ ...low("U"), occasion: "missed" }],
    level: 1,
  },
  { why: "it went badly at 4", occasions: [{ ...low(4), occasion: "missed" }], level: 3 },
  {
    why: "the worst of two holds",
    occasions: [
      { ...low(1), occasion: "missed" },
      { ...low(5), occasion: "missed" },
    ],
    level: 2,
  },
])("P16: what comes up at times says nothing until it goes badly: $why", ({ occasions, level }) => {
  expect(layerLevel([high(3), low(3), ...occasions])).toBe(level)
})

const level = fc.constantFrom<Level>("U", 0, 1, 2, 3, 4, 5)
const occasion = fc.constantFrom("none", "missed", undefined)
const questions = fc.array(fc.record({ level, highRisk: fc.boolean(), occasion }), {
  minLength: 1,
  maxLength: 13,
})

test("P15: a layer never falls when a question rises, and one that is unknown raises none", () => {
  fc.assert(
    fc.property(questions, fc.nat(), level, (rated, at, better) => {
      const index = at % rated.length
      const having = (changed: Level): readonly Rated[] =>
        rated.map((each, place) => (place === index ? { ...each, level: changed } : each))
      const was = rated[index]!.level
      const [before, raised, unknown] = [was, better, "U" as const].map((each) =>
        rankOf(layerLevel(having(each))),
      ) as [number, number, number]
      if (rankOf(better) > rankOf(was)) expect(raised).toBeGreaterThanOrEqual(before)
      expect(unknown).toBeLessThanOrEqual(before)
    }),
    { numRuns: 1000 },
  )
})

test("P16: what did not come up is as if it were not asked, and lapses when something of it goes badly", () => {
  fc.assert(
    fc.property(questions, level, (rated, of) => {
      const regular = rated.map(({ level: own, highRisk }) => ({ level: own, highRisk }))
      const asked = (occasion: "none" | "missed"): Level =>
        layerLevel([...regular, { ...low(of), occasion }])
      expect(asked("none")).toBe(layerLevel(regular))
      expect(rankOf(asked("missed"))).toBeLessThanOrEqual(
        Math.min(rankOf(layerLevel(regular)), rankOf(of) + 1),
      )
    }),
    { numRuns: 1000 },
  )
})
