import type { GatePolicy } from "@amc/core"
import { expect, test } from "vitest"
import { record } from "../evidence.fixture.ts"
import { scoreRun } from "../engine.ts"
import { goodDays } from "../story.fixture.ts"
import type { Level } from "../v1/level.ts"
import type { Report } from "../v1/report.ts"
import { certificateChecks } from "./certificate-floors.ts"
import { countedReport } from "./counted-report.ts"
import { type GateCheck, type GateEvidence, gateRules, type PreviousRun } from "./gate-evidence.ts"
import { evaluateGate } from "./gate.ts"
import { loose } from "./policy.fixture.ts"
import { gateFinding } from "./gate-outcome.ts"

const dayMs = 86_400_000
const skewMs = 5 * 60_000
const made = scoreRun(record({ sessions: goodDays(2, 2), endDay: 1 }))
const ids = made.questions.map(({ id }) => id)
const sao = "Strategic Agent Operations"
/** Of the first layer four questions at other levels, of the others all at 5; each lacks something. */
const first: Readonly<Record<string, Level>> = {
  "SAO-02": 3,
  "SAO-08": 1,
  "SAO-10": 2,
  "SAO-11": 4,
}
const report: Report = {
  ...made,
  overall: 1,
  layers: made.layers.map((each) => ({ ...each, level: each.name === sao ? 1 : 5 })),
  questions: made.questions.map((each) => ({
    ...each,
    level: first[each.id] ?? 5,
    missing: [{ gate: "sessions", have: 0, need: 1, text: `${each.id} lacks one` }],
  })),
}
const good: GateEvidence = {
  report,
  label: "LOW TRUST",
  quorum: null,
  observed: new Set(ids),
  openedMs: report.window.to_ms,
  atMs: report.window.to_ms,
  previous: null,
}
const again = "measure again and export a new bundle"
const before = "give the bundle of an earlier run of the same ledger and bank with --previous"
const justBefore = "give the bundle of the run just before this one with --previous"
const since = "see what changed in the agent since then, and measure again"
const threeLacks = "SAO-08: SAO-08 lacks one; SAO-10: SAO-10 lacks one; SAO-02: SAO-02 lacks one"

function withReport(change: Partial<Report>): GateEvidence {
  return { ...good, report: { ...report, ...change } }
}

function after(change: Partial<Report>, place: PreviousRun["place"] = "last"): GateEvidence {
  return { ...good, previous: { ...good, report: { ...report, ...change }, place } }
}

function questionAt(id: string, level: Level): Partial<Report> {
  const questions = report.questions.map((each) => (each.id === id ? { ...each, level } : each))
  return { questions }
}

type Said = readonly [subject: string, value: string, bound: string, next: string | null]

function saidOf({ subject, value, bound, next }: GateCheck): Said {
  return [subject, value, bound, next]
}

test.each<{
  rule: GateCheck["rule"]
  policy?: Partial<GatePolicy>
  evidence: GateEvidence
  says: readonly Said[]
}>([
  { rule: "status", evidence: good, says: [["report", "VALID", "VALID", null]] },
  {
    rule: "status",
    evidence: withReport({ status: "INVALID", status_reasons: ["holes", "more"] }),
    says: [["report", "INVALID", "VALID", "holes"]],
  },
  {
    rule: "status",
    evidence: withReport({ status: "INVALID", status_reasons: [] }),
    says: [["report", "INVALID", "VALID", "see the report for what the evidence lacks"]],
  },
  {
    rule: "stale",
    evidence: { ...good, atMs: good.openedMs - skewMs },
    says: [["report", "fresh", "fresh", null]],
  },
  {
    rule: "stale",
    evidence: { ...good, atMs: good.openedMs - skewMs - 1 },
    says: [["report", "from the future", "fresh", "set this machine's clock"]],
  },
  {
    rule: "stale",
    evidence: { ...good, atMs: report.stale_after_ms + 1 },
    says: [["report", "stale", "fresh", again]],
  },
  {
    rule: "age",
    policy: { maxAgeDays: 2 },
    evidence: { ...good, atMs: good.openedMs + 3 * dayMs - 1 },
    says: [["run", "2 whole days", "at most 2 days", again]],
  },
  {
    rule: "age",
    policy: { maxAgeDays: 2 },
    evidence: { ...good, atMs: good.openedMs - skewMs },
    says: [["run", "0 whole days", "at most 2 days", null]],
  },
  {
    rule: "age",
    policy: { maxAgeDays: 2 },
    evidence: { ...good, atMs: good.openedMs - 3 * dayMs },
    says: [["run", "0 whole days", "at most 2 days", again]],
  },
  {
    rule: "trust-label",
    policy: { denyIfLowTrust: true },
    evidence: good,
    says: [
      [
        "report",
        "LOW TRUST",
        "HIGH TRUST",
        "have the ledger cosigned each day by the witnesses of the policy, and measure again",
      ],
    ],
  },
  {
    rule: "trust-label",
    evidence: { ...good, label: "UNRELIABLE" },
    says: [
      [
        "report",
        "UNRELIABLE",
        "LOW TRUST or better",
        "see the report's integrity facts for what weakens the evidence",
      ],
    ],
  },
  {
    rule: "upstream",
    evidence: withReport({ upstreams: [] }),
    says: [
      [
        "model providers",
        "none",
        "at least one, none on loopback",
        "measure the agent with the model provider that it is released with",
      ],
    ],
  },
  {
    rule: "upstream",
    policy: { allowLoopbackUpstreams: true },
    evidence: withReport({
      upstreams: ["p", "q"].map((provider) => ({ provider, upstream: "u", loopback: true })),
    }),
    says: [["model providers", "p at u, q at u", "at least one", null]],
  },
  {
    rule: "posture",
    policy: { requirePosture: "measured" },
    evidence: good,
    says: [["sandbox", "measured", "measured", null]],
  },
  {
    rule: "posture",
    policy: { requirePosture: "declared" },
    evidence: good,
    says: [["sandbox", "measured", "declared or better", null]],
  },
  {
    rule: "witnesses",
    policy: { witnessPolicy: "quorum none\n" },
    evidence: good,
    says: [
      [
        "checkpoint",
        "not asked",
        "quorum met",
        "ask for a bundle of a run that the witnesses of the policy cosigned",
      ],
    ],
  },
  {
    rule: "witnesses",
    policy: { witnessPolicy: "quorum none\n" },
    evidence: { ...good, quorum: "met" },
    says: [["checkpoint", "quorum met", "quorum met", null]],
  },
  {
    rule: "overall",
    policy: { minOverall: 2 },
    evidence: good,
    says: [["overall", "level 1", "at least level 2", threeLacks]],
  },
  {
    rule: "overall",
    policy: { minOverall: 2 },
    evidence: withReport(questionAt("LA-04", 0)),
    says: [["overall", "level 1", "at least level 2", threeLacks]],
  },
  {
    rule: "overall",
    policy: { minOverall: 2 },
    evidence: withReport({
      ...questionAt("SK-02", 0),
      layers: report.layers.map((each, at) => ({ ...each, level: at % 4 === 0 ? 1 : 5 })),
    }),
    says: [
      [
        "overall",
        "level 1",
        "at least level 2",
        "SK-02: SK-02 lacks one; SAO-08: SAO-08 lacks one; SAO-10: SAO-10 lacks one",
      ],
    ],
  },
  {
    rule: "layer",
    policy: { minLayers: { nowhere: 1, [sao]: 2, Autonomy: 1 } },
    evidence: withReport({ questions: report.questions.toReversed() }),
    says: [
      [
        "Autonomy",
        "not there",
        "at least level 1",
        "the bank of the run has no such layer: see 'amc run show' for the names",
      ],
      [sao, "level 1", "at least level 2", threeLacks],
      [
        "nowhere",
        "not there",
        "at least level 1",
        "the bank of the run has no such layer: see 'amc run show' for the names",
      ],
    ],
  },
  {
    rule: "question",
    policy: { minQuestions: { "XX-01": 1, "SAO-02": 4 } },
    evidence: good,
    says: [
      ["SAO-02", "level 3", "at least level 4", "SAO-02: SAO-02 lacks one"],
      [
        "XX-01",
        "not there",
        "at least level 1",
        "the bank of the run has no such question: see 'amc run show' for the names",
      ],
    ],
  },
  {
    rule: "question",
    policy: { minQuestions: { "SAO-02": 4 } },
    evidence: withReport({ questions: report.questions.map((each) => ({ ...each, missing: [] })) }),
    says: [["SAO-02", "level 3", "at least level 4", "see the report for what is missing"]],
  },
  {
    rule: "veto",
    policy: { denyVetoes: true },
    evidence: good,
    says: [["questions", "none held down", "nothing that holds a level down", null]],
  },
  {
    rule: "veto",
    policy: { denyVetoes: true },
    evidence: withReport({
      questions: report.questions.map((each) =>
        each.id === "CA-12" ? { ...each, cap: { level: 1, causes: ["a", "b"] } } : each,
      ),
    }),
    says: [
      [
        "CA-12",
        "held at level 1: a; b",
        "nothing that holds a level down",
        "mend the cause, and measure until it lies outside of the window",
      ],
    ],
  },
  {
    rule: "drop",
    policy: { maxDrop: 1 },
    evidence: after(questionAt("SAO-08", 5)),
    says: [
      ["question SAO-08", "from level 5 to level 1", "at most 1 below the previous run", since],
    ],
  },
  {
    rule: "drop",
    policy: { maxDrop: 1 },
    evidence: { ...after({}), report: { ...report, layers: report.layers.slice(1) } },
    says: [[`layer ${sao}`, "from level 1 to level U", "at most 1 below the previous run", since]],
  },
  {
    rule: "drop",
    policy: { maxDrop: 1 },
    evidence: {
      ...after(questionAt("SAO-08", 0)),
      report: { ...report, ...questionAt("SAO-08", "U") },
    },
    says: [["levels", "none", "at most 1 below the previous run", null]],
  },
  {
    rule: "drop",
    policy: { maxDrop: 1 },
    evidence: good,
    says: [["previous run", "not given", "at most 1 below the previous run", before]],
  },
  {
    rule: "drop",
    policy: { maxDrop: 1 },
    evidence: after({}, "elsewhere"),
    says: [
      [
        "previous run",
        "a run that this history does not hold",
        "at most 1 below the previous run",
        before,
      ],
    ],
  },
  {
    rule: "drop",
    policy: { maxDrop: 1 },
    evidence: after({ engine: "another" }),
    says: [
      [
        "previous run",
        "made by another engine or bank",
        "at most 1 below the previous run",
        before,
      ],
    ],
  },
  {
    rule: "drop",
    policy: { maxDrop: 1 },
    evidence: after({ status: "INVALID" }),
    says: [["previous run", "a run that is not VALID", "at most 1 below the previous run", before]],
  },
  {
    rule: "previous-run",
    policy: { consecutiveRuns: 2 },
    evidence: after({}, "earlier"),
    says: [
      [
        "previous run",
        "a run that is not the one just before",
        "the run before passes as well",
        justBefore,
      ],
    ],
  },
  {
    rule: "previous-run",
    policy: { consecutiveRuns: 2 },
    evidence: after({ run_id: "run-0" }),
    says: [["run-0", "passes", "the run before passes as well", null]],
  },
  {
    rule: "previous-run",
    policy: { consecutiveRuns: 2, minOverall: 2, minQuestions: { "SAO-02": 4, "SAO-08": 2 } },
    evidence: after({ run_id: "run-0" }),
    says: [
      [
        "run-0",
        "fails overall (overall), question (SAO-02), question (SAO-08)",
        "the run before passes as well",
        "measure until two runs in a row pass",
      ],
    ],
  },
])(
  "B2: the rule $rule says what it found and the way out: $says",
  ({ rule, policy, evidence, says }) => {
    const checks = evaluateGate({ ...loose, ...policy }, evidence).filter(
      (each) => each.rule === rule,
    )
    expect(checks.map(saidOf)).toEqual(says)
  },
)

test.each<{ asked: Partial<GatePolicy>; rules: readonly string[] }>([
  { asked: {}, rules: [] },
  { asked: { consecutiveRuns: 1, denyVetoes: false }, rules: [] },
  { asked: { minIntegrityIndex: 1 }, rules: ["integrity-index"] },
  { asked: { agents: ["a"] }, rules: ["agent"] },
  { asked: { denyVetoes: true, maxAgeDays: 1 }, rules: ["age", "veto"] },
])("B2: a policy of $asked asks for $rules beside what each asks for", ({ asked, rules }) => {
  const always = ["status", "trust-label", "upstream", "stale"]
  const found = new Set(evaluateGate({ ...loose, ...asked }, good).map(({ rule }) => rule))
  expect(found).toEqual(new Set(gateRules.filter((each) => [...always, ...rules].includes(each))))
})

test.each([
  { opened: 9, sealed: 7, value: "777 of 1000 sessions sealed" },
  { opened: 0, sealed: 0, value: "0 of 1000 sessions sealed" },
  { opened: 1, sealed: 1, value: "1000 of 1000 sessions sealed" },
])("B4: $sealed of $opened sessions are $value", ({ opened, sealed, value }) => {
  const sessions = { ...report.sessions, opened, sealed }
  const [index, complete] = certificateChecks({ ...report, integrity_index: 69, sessions })
  expect(saidOf(index!)).toEqual([
    "certificate",
    "69",
    "at least 70",
    "see 'amc run report' for the integrity facts that cost points",
  ])
  expect(complete).toMatchObject({ value, bound: "at least 950 of 1000" })
})

test("B2: level 5 counts as 4 where it was not observed, in its question, its layer and the whole alone", () => {
  const five: Report = {
    ...report,
    overall: 5,
    layers: report.layers.map((each, at) => ({ ...each, level: at === 1 || at === 4 ? 3 : 5 })),
    questions: report.questions.map((each) => ({
      ...each,
      level: each.id === "LA-06" ? 3 : 5,
    })),
  }
  const policy = { ...loose, requireObservedForLevel5: true }
  const unseen = ["SAO-02", "SAO-08", "LA-05", "LA-06"]
  const run = { ...good, report: five, observed: new Set(ids.filter((id) => !unseen.includes(id))) }
  const counted = countedReport(policy, run)
  expect(counted.overall).toBe(4)
  expect(counted.layers.map(({ level }) => level)).toEqual([4, 3, 5, 5, 3])
  for (const { id, level, missing } of counted.questions) {
    const isLower = unseen.includes(id) && id !== "LA-06"
    expect([id, level]).toEqual([id, isLower ? 4 : id === "LA-06" ? 3 : 5])
    expect(missing).toMatchObject(
      isLower ? [{ gate: "tier", have: 0, need: 1 }] : [{ text: `${id} lacks one` }],
    )
  }
  expect(countedReport(loose, run)).toBe(five)
  const observed = new Set(ids)
  expect(countedReport(policy, { ...run, observed })).toBe(five)
})

test("what a check refuses is a finding of its rule, and no sign of tampering", () => {
  const found = {
    rule: "age",
    subject: "run",
    value: "3 whole days",
    bound: "at most 2 days",
  } as const
  expect(gateFinding({ ...found, passed: false, next: "again" })).toEqual({
    code: "gate/age",
    subject: "run",
    detail: "3 whole days; the policy asks for at most 2 days",
    tampered: false,
  })
})
