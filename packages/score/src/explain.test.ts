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
  expect(explained.levels.map((each) => each.level)).toEqual([1, 2, 3, 4, 5])
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

test("weighs each unit, and shows of each outcome the newest first", () => {
  const { units } = explainRun(recording, "SK-02")
  const passed = units.filter(
    ({ outcome, weight_per_mille: weight }) => outcome === "pass" && weight !== null,
  )
  const days = passed.map(({ day }) => day)
  expect(days).toEqual(days.toSorted((a, b) => b - a))
  expect(new Set(days).size).toBe(5)
  // Nine to thirteen days old, with a half-life of thirty days.
  const weights = [...new Set(passed.map(({ weight_per_mille: weight }) => weight))]
  expect(weights).toEqual([812, 793, 775, 758, 740])
  const missed = units.filter(({ outcome }) => outcome !== "pass")
  expect(missed.map(({ weight_per_mille: weight }) => weight)).toEqual([1000, 1000])
})

test("a session stands for a unit that names no event", () => {
  const { units } = explainRun(recording, "RES-06")
  const seals = recording.events.filter(({ event }) => event.type === "session_seal")
  expect(units.map(({ events }) => events).toSorted()).toEqual(
    seals.map(({ hash }) => [hash]).toSorted(),
  )
})

test("at level 5 nothing more is asked", () => {
  const own = (day: number) => ({ ...goodSession, day, task: `day ${day}` })
  const whole = record({ sessions: Array.from({ length: 30 }, (_, day) => own(day)), endDay: 29 })
  const { level, threshold, levels, bound_per_mille: bound } = explainRun(whole, "SAO-11")
  expect([level, threshold, bound]).toEqual([5, null, 1000])
  expect(levels.every(({ missing }) => missing.length === 0)).toBe(true)
})

test("a question that the bank does not ask is refused by name", () => {
  expect(() => explainRun(recording, "RES-07")).toThrow(
    expect.objectContaining({
      code: "score/unknown-question",
      hint: `it asks ${report.questions
        .map(({ id }) => id)
        .toSorted()
        .join(", ")}`,
    }),
  )
})
