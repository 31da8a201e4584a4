import type { Report, ReportedQuestion } from "@amc/score"
import { expect, test } from "vitest"
import { viewReport } from "./report-view.ts"

const question: ReportedQuestion = {
  id: "SK-01",
  layer: "Skills",
  title: "Finishes its tasks",
  kind: "rate",
  level: 2,
  claimed: 4,
  claims: [{ by: "agent", level: 4 }],
  reachable: 5,
  cap: null,
  units: { n: 5, k: 4, unknown: 1, sessions: 5, days: 1 },
  binding_gate: "days",
  missing: [{ gate: "days", have: 1, need: 3, text: "evidence on 3 days" }],
  events: [],
  bound_per_mille: 700,
  threshold: 500,
  clean_to_next: 3,
  fragile: true,
  drops_at_ms: 86_400_000,
}

const report: Report = {
  schema: "amc.report/v1",
  engine: "score/v1",
  bank_sha256: "00".repeat(32),
  agent: "a1",
  run_id: "run-1",
  window: { from_ms: 0, to_ms: 86_400_000 },
  stale_after_ms: 9,
  status: "VALID",
  status_reasons: [],
  posture: "measured",
  trust_label: "LOW TRUST",
  integrity_index: 90,
  overall: "U",
  layers: [
    { name: "Skills", level: 2, claimed: null },
    { name: "Resilience", level: "U", claimed: null },
  ],
  questions: [
    question,
    {
      ...question,
      id: "RES-01",
      layer: "Resilience",
      title: "Waits when told to",
      level: "U",
      claimed: null,
      units: { n: 0, k: 0, unknown: 0, sessions: 0, days: 0 },
      missing: [{ gate: "seen", have: 0, need: 1, text: "one 429 from the provider" }],
    },
  ],
  sessions: { opened: 5, sealed: 5, exposed: 5, counted: 4, days: 1 },
  claim_gap: { questions: 1, mean: "2.00", max: 2, overall: "U" },
  upstreams: [{ provider: "scripted", upstream: "http://localhost", loopback: true }],
  traces: null,
  ingested: { count: 0, attested: 0, latest: [] },
}

const plain = { isColoured: false }

function view(change: Partial<Report> = {}): string[] {
  return viewReport({ ...report, ...change }, plain)
}

test("says first whether it counts, in words", () => {
  expect(view()[0]).toBe("a1  VALID  posture measured  LOW TRUST  integrity 90 of 100")
})

test("says INVALID first, why, and that the levels are indicative", () => {
  const lines = view({
    status: "INVALID",
    posture: "shared",
    trust_label: "UNRELIABLE",
    overall: 2,
    status_reasons: ["the agent ran with no box", "a session was not sealed"],
  })
  expect(lines.slice(0, 3)).toEqual([
    "a1  INVALID  posture shared  UNRELIABLE  integrity 90 of 100",
    "  the agent ran with no box",
    "  a session was not sealed",
  ])
  const overall = lines.find((line) => line.includes("overall"))
  expect(overall).toContain("indicative only: an INVALID report counts for nothing")
})

test("says how many sessions with an answer are left out and why that can be", () => {
  const line =
    "  1 with a successful answer left out: a replay of another session, over eight on a day, or not seen whole"
  expect(view()).toContain(line)
  const all = { ...report.sessions, counted: 5 }
  expect(view({ sessions: all }).join("\n")).not.toContain("left out")
})

test("a VALID report has no word of doubt beside its levels", () => {
  expect(view().join("\n")).not.toContain("indicative")
})

test("an unknown level is a U and an empty row, never a number", () => {
  const lines = view()
  expect(lines.find((line) => /^ {2}Resilience/.test(line))).toMatch(/· · · · · {2}U$/)
  expect(lines.find((line) => line.includes("overall"))).toMatch(/· · · · · {2}U$/)
  expect(lines.find((line) => line.includes("RES-01"))).toContain("shown U  (nothing was seen)")
})

test("a level is drawn and written", () => {
  expect(view().find((line) => /^ {2}Skills/.test(line))).toMatch(/■ ■ □ □ □ {2}2$/)
})

test("what was claimed stands beside what was shown", () => {
  const lines = view()
  expect(lines.find((line) => line.includes("SK-01"))).toContain(
    "shown 2, claimed 4  (4 of 5 passed, 1 unknown, surely 70 %)",
  )
  expect(lines.join("\n")).toContain("Claimed beside shown: 2.00 levels too high on average")
  expect(lines.find((line) => line.includes("RES-01"))).not.toContain("claimed")
})

test("a held-down level says by what", () => {
  const capped = { ...question, cap: { level: 3, causes: ["gateway.yaml is unsigned", "b"] } }
  expect(view({ questions: [capped] })).toContain(
    "          at most 3: gateway.yaml is unsigned; b",
  )
})

test("the way up names what the lowest questions lack, the most common first", () => {
  const lack = (id: string, ...texts: string[]): ReportedQuestion => ({
    ...question,
    id,
    level: 1,
    missing: texts.map((text) => ({ gate: "g", have: 0, need: 1, text })),
  })
  const lines = view({
    overall: 1,
    questions: [lack("A", "rare", "common"), lack("B", "common"), { ...question, level: 5 }],
  })
  expect(lines.slice(-3)).toEqual([
    "The way up to level 2:",
    "  common (2 questions)",
    "  rare (1 question)",
  ])
})

test("says whose answers they could have been", () => {
  expect(view()).toContain(
    "  provider scripted: http://localhost (on this machine, so its owner could have made the answers)",
  )
})

const hostile = "x\u001B[2J\u202Ey\n"
const shown = "x\\u{1b}[2J\\u{202e}y\\u{a}"

test.each<{ why: string; change: Partial<Report> }>([
  { why: "the agent's name", change: { agent: hostile } },
  { why: "a reason", change: { status_reasons: [hostile] } },
  {
    why: "a provider",
    change: { upstreams: [{ provider: hostile, upstream: "u", loopback: false }] },
  },
  {
    why: "an upstream",
    change: { upstreams: [{ provider: "p", upstream: hostile, loopback: false }] },
  },
  { why: "a question's title", change: { questions: [{ ...question, title: hostile }] } },
  { why: "a question's id", change: { questions: [{ ...question, id: hostile }] } },
  {
    why: "a layer's name",
    change: {
      layers: [{ name: hostile, level: 1, claimed: null }],
      questions: [{ ...question, layer: hostile }],
    },
  },
  {
    why: "a cause",
    change: { questions: [{ ...question, cap: { level: 1, causes: [hostile] } }] },
  },
  {
    why: "what is missing",
    change: {
      overall: 2,
      questions: [{ ...question, missing: [{ gate: "g", have: 0, need: 1, text: hostile }] }],
    },
  },
])("$why can't steer the terminal", ({ change }) => {
  const lines = view(change)
  for (const line of lines) expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u)
  expect(lines.join(" ")).toContain(shown)
})

test("colours are there only where they are asked for, and change no word", () => {
  const coloured = viewReport(report, { isColoured: true })
  // oxlint-disable-next-line no-control-regex
  const codes = /\u001B\[\d+m/g
  expect(coloured.join("\n")).toMatch(codes)
  expect(coloured.map((line) => line.replaceAll(codes, ""))).toEqual(view())
})
