import { expect, test } from "vitest"
import { record } from "./evidence.fixture.ts"
import { diffReports, type Report, scoreRun, targetGaps } from "./index.ts"
import { agent } from "./lane.fixture.ts"
import { goodDays } from "./story.fixture.ts"

const report = (days: number): Report => scoreRun(record({ sessions: goodDays(days, 8) }))
const [early, late] = [report(1), report(8)]

test("a diff tells what rose, and nothing of what stayed", () => {
  const { overall, questions, layers } = diffReports(early, late)
  expect(overall).toEqual({ from: early.overall, to: late.overall })
  expect(layers).toHaveLength(5)
  const changed = questions.find(({ id }) => id === "RES-09")
  expect(changed).toMatchObject({ from: 1, to: 3, units: { from: { k: 8 }, to: { k: 64 } } })
  expect(questions.map(({ id }) => id)).not.toContain("LA-04")
  expect(diffReports(late, late).questions).toEqual([])
})

test.each([
  { why: "what holds it", change: { binding_gate: "config" } },
  { why: "what it counts", change: { units: { n: 9, k: 9, unknown: 0, sessions: 9, days: 9 } } },
  { why: "its level", change: { level: 0 as const } },
])("a diff tells of a question that changed in nothing but $why", ({ change }) => {
  const [first, ...rest] = late.questions as [Report["questions"][number]]
  const { questions } = diffReports(late, {
    ...late,
    questions: [{ ...first, ...change }, ...rest],
  })
  expect(questions.map(({ id }) => id)).toEqual([first.id])
})

test("a diff tells nothing of a question that is asked no more", () => {
  const [first, ...rest] = late.questions as [Report["questions"][number]]
  expect(
    diffReports({ ...late, questions: [first] }, { ...late, questions: rest }).questions,
  ).toEqual([])
})

test("a diff tells of each layer what it was and what it is", () => {
  const levels = ({ layers }: Report): unknown => layers.map(({ name, level }) => [name, level])
  const { layers } = diffReports(early, late)
  expect(layers.map(({ name, from }) => [name, from])).toEqual(levels(early))
  expect(layers.map(({ name, to }) => [name, to])).toEqual(levels(late))
  expect(levels(early)).not.toEqual(levels(late))
})

test.each([
  { why: "another bank", change: { bank_sha256: "00".repeat(32) } },
  { why: "another engine", change: { engine: "amc-score/v2" } },
  { why: "another agent", change: { agent: "other" } },
])("reports of $why are no series", ({ change }) => {
  expect(() => diffReports(early, { ...late, ...change })).toThrow(
    expect.objectContaining({ code: "score/not-comparable" }),
  )
})

test("a target's gap lists what is short of it, and what to collect next", () => {
  const gaps = targetGaps(late, {
    v: 1,
    agent,
    layers: { Resilience: 3 },
    questions: { "RES-06": 2, "SK-02": 5 },
  })
  expect(gaps.map(({ id, target, reachable }) => [id, target, reachable])).toEqual([
    ["RES-01", 3, false],
    ["RES-10", 3, true],
    ["SK-02", 5, false],
  ])
  const work = gaps.find(({ id }) => id === "SK-02")
  expect(work?.next.length).toBeGreaterThan(0)
  expect(work?.clean_to_next).toEqual(
    late.questions.find(({ id }) => id === "SK-02")?.clean_to_next,
  )
  expect(targetGaps(late, { v: 1, agent })).toEqual([])
})

test("a target with names that there are not is told which there are", () => {
  const target = { v: 1, agent, questions: { "RES-07": 1 }, layers: { Luck: 1 } } as const
  const turned = { ...late, questions: late.questions.toReversed() }
  const ids = late.questions.map(({ id }) => id).toSorted()
  const names = late.layers.map(({ name }) => name)
  expect(() => targetGaps(turned, target)).toThrow(
    expect.objectContaining({
      message: "the bank has no RES-07, Luck",
      hint: `it asks ${ids.join(", ")}; its layers are ${names.join(", ")}`,
    }),
  )
})

test.each([
  { why: "of another agent", target: { v: 1, agent: "other" } as const },
  {
    why: "about a question that is not asked",
    target: { v: 1, agent, questions: { "RES-07": 1 } } as const,
  },
  { why: "about a layer that there is not", target: { v: 1, agent, layers: { Luck: 1 } } as const },
])("a target $why is refused", ({ target }) => {
  expect(() => targetGaps(late, target)).toThrow(
    expect.objectContaining({ code: "input/malformed" }),
  )
})
