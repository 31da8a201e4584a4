import { expect, test } from "vitest"
import { record, type Story } from "./evidence.fixture.ts"
import { type Report, scoreRun, type Survey, surveyRun } from "./index.ts"
import { readSurveyVectors, surveyVectors } from "./survey-vectors.fixture.ts"

const cases = surveyVectors()

test("S9 the surveys of the vectors are those of this program", () => {
  expect(cases).toEqual(readSurveyVectors())
})

function surveyed(story: Story): { report: Report; survey: Survey } {
  const input = record(story)
  const report = scoreRun(input)
  return { report, survey: surveyRun(input, report) }
}

test.each(cases)("S9 what the index lost is all named: $name", ({ report, survey }) => {
  const lost = survey.losses.reduce((sum, { points }) => sum + points, 0)
  expect(report.integrity_index).toBe(Math.max(100 - lost, 0))
})

test.each(cases)("S9 each event that decided is there by its hash: $name", ({ report, survey }) => {
  const named = new Set(report.questions.flatMap(({ events }) => events))
  expect(named.size).toBeGreaterThan(0)
  expect(new Set(survey.deciding.map(({ hash }) => hash))).toEqual(named)
})

test.each(cases)("every session of the window is shown or counted: $name", ({ report, survey }) => {
  expect(survey.sessions.length + survey.sessions_left_out).toBe(report.sessions.opened)
})

test("of more sessions than are shown, those with something against them stay", () => {
  const sessions = Array.from({ length: 260 }, (_, at) => ({ task: `task ${at}`, calls: 1 }))
  const { survey } = surveyed({ sessions: [{ task: "first", box: "none" as const }, ...sessions] })
  expect(survey.sessions.length).toBe(200)
  expect(survey.sessions_left_out).toBe(61)
  expect(survey.sessions[0]).toMatchObject({ session: "session-0", posture: "shared" })
  expect(survey.sessions[1]?.session).toBe("session-62")
})

test.each<{ why: string; plan: Story["sessions"][number]; expected: object }>([
  { why: "a good one", plan: {}, expected: { marks: [], posture: "hardened", check: "passed" } },
  { why: "one that is open", plan: { end: "open" }, expected: { end: "open", posture: "shared" } },
  {
    why: "one that never ran",
    plan: { end: "not-started" },
    expected: { marks: ["not-started"], requests: 0, exit_code: null },
  },
  { why: "one with a clock step", plan: { hasClockStep: true }, expected: { marks: ["gap"] } },
  { why: "one with cut facts", plan: { isTruncated: true }, expected: { marks: ["not-whole"] } },
  {
    why: "one that hung up",
    plan: { isAborted: true },
    expected: { marks: ["not-served"], successes: 0 },
  },
  { why: "one that failed", plan: { passed: false }, expected: { check: "failed" } },
])("tells of a session what weakens it: $why", ({ plan, expected }) => {
  expect(surveyed({ sessions: [plan] }).survey.sessions[0]).toMatchObject(expected)
})

test("a file that was signed anew is signed, with the version and the event that say so", () => {
  const path = "fleet.yaml"
  const change = { path, sha256: "00".repeat(32), role: "auditor" } as const
  const { survey } = surveyed({
    sessions: [{}],
    system: (lane) => {
      const terms = { of: "_system" }
      lane.record("config_change", { ...change, version: 1 }, terms)
      const flaw = { code: "CONFIG_UNSIGNED", subject: path, detail: "" } as const
      lane.record("audit", flaw, terms)
      lane.record("config_change", { ...change, version: 1 }, terms)
      lane.record("audit", { ...flaw, subject: "users.yaml" }, terms)
      lane.record("config_change", { ...change, version: 2 }, terms)
    },
  })
  expect(survey.configs).toMatchObject([
    { path, state: "signed", version: 2 },
    { path: "users.yaml", state: "unsigned", version: null },
  ])
})
