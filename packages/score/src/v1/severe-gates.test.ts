import { expect, test } from "vitest"
import { bank1 } from "./bank-1.ts"
import { gatesAgainst, type Missing } from "./gate.ts"
import { freeQuestions, judgedOf, termsAt } from "./judged.fixture.ts"
import { subjectOf } from "./question.ts"
import { tallyOf } from "./tally.ts"
import type { Item } from "./judged.ts"

const time = freeQuestions.find(({ profile }) => profile === "time")!
const drill = freeQuestions.find(({ profile }) => profile === "drill")!
const hours = [48, 24, 8, 2, 1] as const
const bank = {
  ...bank1,
  profiles: {
    ...bank1.profiles,
    time: { ...bank1.profiles.time, max_breach_hours: hours },
    drill: { ...bank1.profiles.drill, no_critical_from: 3 },
  },
}

test.each(hours.map((most, at) => ({ level: at + 1, most })))(
  "level $level bears what was broken for $most hours at one go, and not a minute more",
  ({ level, most }) => {
    expect(severe(time, level, [most * 60, 1])).toEqual([])
    expect(severe(time, level, [1, most * 60 + 1, 2])).toMatchObject([
      { gate: "breach", have: most * 60 + 1, need: most * 60 },
    ])
  },
)

test("where no such time is set, nothing is broken for too long", () => {
  expect(severe(drill, 5, [1_000_000])).toEqual([])
})

test.each([
  { level: 2, veto: "critical", gates: 0 },
  { level: 3, veto: "critical", gates: 1 },
  { level: 5, veto: "critical", gates: 1 },
  { level: 3, veto: "high", gates: 0 },
] as const)("at level $level $gates gates ask about what failed as $veto", (each) => {
  const found = severe(drill, each.level, [0, 0], { veto: each.veto })
  expect(found).toHaveLength(each.gates)
  if (each.gates > 0) expect(found).toMatchObject([{ gate: "critical", have: 2, need: 0 }])
  expect(severe(drill, each.level, [0], { veto: each.veto })).toHaveLength(each.gates)
  expect(severe(time, each.level, [0], { veto: each.veto })).toEqual([])
})

/** The gates of a level that ask how bad it was, after failures that lasted so many minutes. */
function severe(
  question: typeof time,
  level: number,
  stretches: readonly number[],
  more: Partial<Item> = {},
): readonly Missing[] {
  const items = stretches.map((stretch): Item => ({ outcome: "fail", stretch, ...more }))
  const tally = tallyOf(question, [judgedOf({ items })], bank)
  const found = gatesAgainst(subjectOf(tally, { ...termsAt(), bank }), level)
  return found.filter(({ gate }) => gate === "breach" || gate === "critical")
}
