import { expect, test } from "vitest"
import { goodSession, record } from "./evidence.fixture.ts"
import { explainRun, type Report, scoreRun } from "./index.ts"
import { goodDays } from "./story.fixture.ts"

const recording = record({
  sessions: [
    ...goodDays(5, 9),
    { ...goodSession, day: 2, task: "failed", passed: false },
    { ...goodSession, day: 4, task: "cut", isTruncated: true },
  ],
})
const report: Report = scoreRun(recording)

test.each(report.questions)("explains $id as the report says it", (question) => {
  const { id, level, reachable, units, binding_gate, missing } = question
  const explained = explainRun(recording, id)
  expect(explained).toMatchObject({ level, reachable, binding_gate })
  expect(explained).toMatchObject({
    clean_to_next: question.clean_to_next,
    fragile: question.fragile,
    drops_at_ms: question.drops_at_ms,
  })
  for (const each of explained.levels)
    expect(each.missing.length === 0 || each.level > (level === "U" ? 0 : level)).toBe(true)
  if (level !== 5 && level !== "U") expect(explained.levels[level]?.missing).toEqual(missing)
  const counts = explained.units.filter(({ weight_per_mille: weight }) => weight !== null)
  const sum = (outcome: string): number =>
    counts.reduce((total, each) => total + (each.outcome === outcome ? each.count : 0), 0)
  expect({ unknown: sum("unknown"), n: sum("pass") + sum("fail") + sum("unknown") }).toEqual({
    unknown: units.unknown,
    n: units.n,
  })
})

test("shows what failed first, with its events, and what did not count", () => {
  const { units, bound_per_mille: bound, threshold } = explainRun(recording, "SK-02")
  expect(units.map(({ outcome }) => outcome).slice(0, 3)).toEqual(["fail", "unknown", "pass"])
  expect(units[0]?.events).toHaveLength(1)
  // Nine a day were recorded, and eight count.
  expect(units.filter(({ weight_per_mille: weight }) => weight === null)).toHaveLength(5)
  expect(bound).toBeGreaterThan(600)
  expect(threshold).toBe(750)
})

test("a question that the bank does not ask is refused by name", () => {
  expect(() => explainRun(recording, "RES-07")).toThrow(
    expect.objectContaining({ code: "score/unknown-question" }),
  )
})
