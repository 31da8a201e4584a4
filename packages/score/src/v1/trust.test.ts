import type { AuditCode } from "@amc/core"
import { expect, test } from "vitest"
import { record, type Story } from "../evidence.fixture.ts"
import { encodeReport, parseReport, type Report, scoreRun } from "../index.ts"
import { agent, day, digest, type LaneFixture, start } from "../lane.fixture.ts"

const sessions = [0, 1, 2, 3, 4].map((task) => ({ task: `task ${task}` }))

test.each<{ why: string; story: Story; expected: Partial<Report>; first: RegExp }>([
  {
    why: "every session was measured",
    story: { sessions },
    expected: {
      status: "VALID",
      posture: "measured",
      trust_label: "LOW TRUST",
      integrity_index: 90,
    },
    first: /^the monitor measured in each of 5 sessions that the agent could not reach its keys$/,
  },
  {
    why: "one session of five was not measured",
    story: { sessions: [...sessions.slice(1), { box: "none" }] },
    expected: {
      status: "INVALID",
      posture: "shared",
      trust_label: "UNRELIABLE",
      integrity_index: 30,
    },
    first: /^the agent ran where it could reach the monitor's keys: 1 of 5 sessions/,
  },
  {
    why: "nothing was measured, and the owner declares it",
    story: { sessions: sessions.map((each) => ({ ...each, box: "declared" })) },
    expected: {
      status: "VALID",
      posture: "declared",
      trust_label: "LOW TRUST",
      integrity_index: 70,
    },
    first: /^in 5 of 5 sessions only the owner's signed config says .* nothing measured it$/,
  },
  {
    why: "one session of five is only declared",
    story: { sessions: [...sessions.slice(1), { box: "declared" }] },
    expected: { status: "VALID", posture: "declared", trust_label: "LOW TRUST" },
    first: /^in 1 of 5 sessions only/,
  },
  {
    why: "one session is declared and another was exposed",
    story: { sessions: [...sessions, { box: "declared" }, { box: "none" }] },
    expected: { status: "INVALID", posture: "shared", trust_label: "UNRELIABLE" },
    first: /^the agent ran where it could reach the monitor's keys: 1 of 7 sessions/,
  },
  {
    why: "the owner declares it and the boundary was violated",
    story: {
      sessions: sessions.map((each) => ({ ...each, box: "declared" })),
      system: audit("TRUST_BOUNDARY_VIOLATED"),
    },
    expected: { status: "INVALID", trust_label: "UNRELIABLE", integrity_index: 0 },
    first: /^the trust boundary was violated/,
  },
  {
    why: "a session is not sealed yet",
    story: { sessions: [...sessions, { end: "open" }] },
    expected: { status: "INVALID", posture: "shared" },
    first:
      /^nothing shows that the agent was kept from the monitor's keys to the end: 1 of 6 sessions/,
  },
  {
    why: "a crash that recovery sealed, in a box that was measured",
    story: { sessions: [...sessions, { end: "recovered" }] },
    expected: { status: "VALID", posture: "measured", integrity_index: 80 },
    first:
      /^the monitor measured in each of 6 sessions that the agent could not reach its keys, in 1 of them only until it died itself$/,
  },
  {
    why: "a crash that recovery sealed, where only the owner declares it",
    story: { sessions: [...sessions, { box: "declared", end: "recovered" }] },
    expected: { status: "INVALID", posture: "shared", integrity_index: 20 },
    first:
      /^nothing shows that the agent was kept from the monitor's keys to the end: 1 of 6 sessions/,
  },
  {
    why: "nothing happened",
    story: { sessions: [] },
    expected: { status: "INVALID", posture: "shared", trust_label: "UNRELIABLE", overall: "U" },
    first: /^nothing was captured in the window$/,
  },
  {
    why: "the only session did not start",
    story: { sessions: [{ end: "not-started", box: "none" }] },
    expected: { status: "INVALID" },
    first: /^nothing was captured in the window$/,
  },
  {
    why: "a session that did not start lowers nothing",
    story: { sessions: [...sessions, { end: "not-started", box: "none" }] },
    expected: { status: "VALID", posture: "measured" },
    first: /each of 5 sessions/,
  },
  {
    why: "the boundary was violated",
    story: { sessions, system: audit("TRUST_BOUNDARY_VIOLATED") },
    expected: { status: "INVALID", trust_label: "UNRELIABLE", integrity_index: 0 },
    first: /^the trust boundary was violated in fleet\.yaml: example$/,
  },
  {
    why: "a clock step",
    story: { sessions: [...sessions, { hasClockStep: true }] },
    expected: { status: "VALID", integrity_index: 80 },
    first: /^the monitor measured/,
  },
])("judges the evidence: $why", ({ story, expected, first }) => {
  const report = scoreRun(record(story))
  expect(report).toMatchObject(expected)
  expect(report.status_reasons[0]).toMatch(first)
  if (report.status === "INVALID") expect(report.trust_label).toBe("UNRELIABLE")
})

test.each<{
  why: string
  system: (lane: LaneFixture) => void
  cap: number | undefined
  index: number
}>([
  { why: "an unsigned file", system: audit("CONFIG_UNSIGNED"), cap: 3, index: 70 },
  { why: "an invalid signature", system: audit("CONFIG_SIGNATURE_INVALID"), cap: 3, index: 50 },
  { why: "both for one file", system: both, cap: 3, index: 50 },
  {
    why: "a file that was signed since",
    system: repaired("fleet.yaml"),
    cap: undefined,
    index: 90,
  },
  { why: "another file that was signed since", system: repaired("users.yaml"), cap: 3, index: 70 },
  {
    why: "an audit about something else",
    system: audit("LEASE_REFUSED"),
    cap: undefined,
    index: 90,
  },
])("caps every question at 3 for broken files: $why", ({ system, cap, index }) => {
  const report = scoreRun(record({ sessions, system }))
  for (const question of report.questions) expect(question.cap?.level).toBe(cap)
  expect(report.integrity_index).toBe(index)
})

test("a broken file counts until it is repaired, even from before the window", () => {
  const { events } = record({ sessions: [{}], system: audit("CONFIG_UNSIGNED") })
  const report = scoreRun(moved(events, start + 20 * day))
  expect(report.sessions.opened).toBe(0)
  expect(report.questions[0]?.cap?.level).toBe(3)
})

test("a level above the cap is held down by it", () => {
  const story = { sessions: manyDays(40), endDay: 40 }
  const free = scoreRun(record(story)).questions.find(({ id }) => id === "RES-09")
  const held = scoreRun(record({ ...story, system: audit("CONFIG_UNSIGNED") })).questions.find(
    ({ id }) => id === "RES-09",
  )
  expect(free?.level).toBe(5)
  expect(held).toMatchObject({ level: 3, binding_gate: "config" })
})

test("a boundary that another agent's session violated says whose, once for each session", () => {
  const violated =
    (about: string, sessions: readonly string[]) =>
    (lane: LaneFixture): void => {
      for (const subject of sessions) {
        const detail = `${about} ran with no box`
        const audit = { code: "TRUST_BOUNDARY_VIOLATED", subject, detail } as const
        lane.record("audit", { ...audit, detail: "no box" }, { of: about, session: subject })
        lane.record("audit", audit, { of: "_system" })
      }
    }
  const reasonFor = (about: string, ids: readonly string[]): string | undefined => {
    const report = scoreRun(record({ sessions, system: violated(about, ids) }))
    expect(report).toMatchObject({ status: "INVALID", integrity_index: 0 })
    expect(parseReport(encodeReport(report))).toEqual(report)
    return report.status_reasons[0]
  }
  const first = "the trust boundary was violated in s-9: other ran with no box"
  expect(reasonFor("other", ["s-9"])).toBe(first)
  expect(reasonFor("other", ["s-9", "s-9", "s-10"])).toBe(`${first}, and 1 other like it`)
  expect(reasonFor("other", ["s-9", "s-10", "s-11"])).toBe(`${first}, and 2 others like it`)
  expect(reasonFor(agent, ["session-0"])).toMatch(/in session-0: example ran with no box$/)
  expect(reasonFor("o".repeat(400), ["s".repeat(256)])?.length).toBeLessThanOrEqual(512)
})

function manyDays(days: number): { day: number; task: string }[] {
  return Array.from({ length: days * 8 }, (_, at) => ({
    day: Math.floor(at / 8),
    task: `task ${at}`,
  }))
}

/** The same evidence, looked at through a window that opens later. */
function moved(
  events: ReturnType<typeof record>["events"],
  fromMs: number,
): ReturnType<typeof record> {
  const run = events.at(-1)!
  if (run.event.type !== "run_opened") throw new Error("the run is last")
  const measured = {
    ...run.event.facts.measured,
    window_from_ms: fromMs,
    window_to_ms: fromMs + day,
  }
  const later = { hash: run.hash, event: { ...run.event, facts: { measured, reported: {} } } }
  return { events: [...events.slice(0, -1), later], runOpened: run.hash }
}

function audit(code: AuditCode): (lane: LaneFixture) => void {
  return (lane) =>
    void lane.record("audit", { code, subject: "fleet.yaml", detail: agent }, { of: "_system" })
}

function both(lane: LaneFixture): void {
  audit("CONFIG_SIGNATURE_INVALID")(lane)
  audit("CONFIG_UNSIGNED")(lane)
}

function repaired(path: string): (lane: LaneFixture) => void {
  return (lane) => {
    audit("CONFIG_UNSIGNED")(lane)
    const change = { path, sha256: digest(path), version: 2, role: "auditor" } as const
    lane.record("config_change", change, { of: "_system" })
  }
}
