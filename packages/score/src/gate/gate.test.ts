import type { GatePolicy } from "@amc/core"
import * as fc from "fast-check"
import { expect, test } from "vitest"
import { record } from "../evidence.fixture.ts"
import { scoreRun } from "../engine.ts"
import { goodDays } from "../story.fixture.ts"
import type { Report } from "../v1/report.ts"
import { certificateChecks } from "./certificate-floors.ts"
import { type GateEvidence, gateRules, type PreviousRun } from "./gate-evidence.ts"
import { evaluateGate } from "./gate.ts"
import { loose } from "./policy.fixture.ts"
import type { Level } from "../v1/level.ts"

const dayMs = 86_400_000
const report = scoreRun(record({ sessions: goodDays(3, 5), endDay: 2 }))
const run = {
  report,
  label: "LOW TRUST",
  quorum: null,
  observed: new Set(report.questions.map(({ id }) => id)),
} as const
const good: GateEvidence = {
  ...run,
  openedMs: report.window.to_ms,
  atMs: report.window.to_ms + 1000,
  previous: null,
}
const last: PreviousRun = { ...run, place: "last" }

function withReport(change: Partial<Report>): GateEvidence {
  return { ...good, report: { ...report, ...change } }
}

function refusedBy(policy: Partial<GatePolicy>, evidence: GateEvidence = good): readonly string[] {
  const failed = evaluateGate({ ...loose, ...policy }, evidence).filter(({ passed }) => !passed)
  return [...new Set(failed.map(({ rule }) => rule))]
}

function questionAt(id: string, level: Level): Partial<Report> {
  const questions = report.questions.map((each) => (each.id === id ? { ...each, level } : each))
  return { questions }
}

function earlier(change: Partial<Report>, place: PreviousRun["place"] = "last"): GateEvidence {
  return { ...good, previous: { ...last, report: { ...report, ...change }, place } }
}

const capped = report.questions.map((question) => ({
  ...question,
  cap: { level: 1, causes: ["1 critical breach in the window: at most level 1"] },
}))
const local = [{ provider: "p", upstream: "http://127.0.0.1:1", loopback: true }]
const five = questionAt("SAO-02", 5)
const sao = "Strategic Agent Operations"

/** For each rule one evidence that passes and one that does not, under a policy that asks for it. */
const cases: readonly {
  readonly rule: string
  readonly policy: Partial<GatePolicy>
  readonly passing: GateEvidence
  readonly failing: GateEvidence
}[] = [
  { rule: "status", policy: {}, passing: good, failing: withReport({ status: "INVALID" }) },
  {
    rule: "agent",
    policy: { agents: [report.agent] },
    passing: good,
    failing: withReport({ agent: "x" }),
  },
  {
    rule: "stale",
    policy: {},
    passing: { ...good, atMs: report.stale_after_ms },
    failing: { ...good, atMs: report.stale_after_ms + 1 },
  },
  {
    rule: "stale",
    policy: {},
    passing: { ...good, atMs: good.openedMs - 5 * 60_000 },
    failing: { ...good, atMs: good.openedMs - 5 * 60_000 - 1 },
  },
  {
    rule: "age",
    policy: { maxAgeDays: 2 },
    passing: { ...good, atMs: good.openedMs + 2 * dayMs },
    failing: { ...good, atMs: good.openedMs + 2 * dayMs + 1 },
  },
  {
    rule: "trust-label",
    policy: { denyIfLowTrust: true },
    passing: { ...good, label: "HIGH TRUST" },
    failing: good,
  },
  {
    rule: "trust-label",
    policy: { minTrustLabel: "HIGH TRUST" },
    passing: { ...good, label: "HIGH TRUST" },
    failing: good,
  },
  { rule: "trust-label", policy: {}, passing: good, failing: { ...good, label: "UNRELIABLE" } },
  {
    rule: "integrity-index",
    policy: { minIntegrityIndex: 80 },
    passing: withReport({ integrity_index: 80 }),
    failing: withReport({ integrity_index: 79 }),
  },
  {
    rule: "posture",
    policy: { requirePosture: "measured" },
    passing: good,
    failing: withReport({ posture: "declared" }),
  },
  {
    rule: "posture",
    policy: { requirePosture: "declared" },
    passing: withReport({ posture: "declared" }),
    failing: withReport({ posture: "shared" }),
  },
  { rule: "upstream", policy: {}, passing: good, failing: withReport({ upstreams: local }) },
  {
    rule: "upstream",
    policy: { allowLoopbackUpstreams: true },
    passing: withReport({ upstreams: local }),
    failing: withReport({ upstreams: [] }),
  },
  {
    rule: "witnesses",
    policy: { witnessPolicy: "quorum none\n" },
    passing: { ...good, quorum: "met" },
    failing: { ...good, quorum: "none" },
  },
  {
    rule: "overall",
    policy: { minOverall: 2 },
    passing: withReport({ overall: 2 }),
    failing: withReport({ overall: 1 }),
  },
  {
    rule: "overall",
    policy: { minOverall: 0 },
    passing: withReport({ overall: 0 }),
    failing: withReport({ overall: "U" }),
  },
  {
    rule: "layer",
    policy: { minLayers: { Skills: 2 } },
    passing: withReport({ layers: [{ name: "Skills", level: 2, claimed: null }] }),
    failing: withReport({ layers: [{ name: "Skills", level: 1, claimed: 5 }] }),
  },
  {
    rule: "layer",
    policy: { minLayers: { Skills: 0 } },
    passing: withReport({ layers: [{ name: "Skills", level: 0, claimed: null }] }),
    failing: withReport({ layers: [] }),
  },
  {
    rule: "question",
    policy: { minQuestions: { "SAO-02": 2 } },
    passing: withReport(questionAt("SAO-02", 2)),
    failing: withReport(questionAt("SAO-02", "U")),
  },
  {
    rule: "question",
    policy: { requireObservedForLevel5: true, minQuestions: { "SAO-02": 5 } },
    passing: withReport(five),
    failing: { ...withReport(five), observed: new Set() },
  },
  {
    rule: "layer",
    policy: { requireObservedForLevel5: true, minLayers: { [sao]: 5 } },
    passing: withReport({ ...five, layers: [{ name: sao, level: 5, claimed: null }] }),
    failing: {
      ...withReport({ ...five, layers: [{ name: sao, level: 5, claimed: null }] }),
      observed: new Set(),
    },
  },
  {
    rule: "overall",
    policy: { requireObservedForLevel5: true, minOverall: 5 },
    passing: withReport({ ...five, overall: 5 }),
    failing: { ...withReport({ ...five, overall: 5 }), observed: new Set() },
  },
  {
    rule: "veto",
    policy: { denyVetoes: true },
    passing: good,
    failing: withReport({ questions: capped }),
  },
  { rule: "drop", policy: { maxDrop: 0 }, passing: { ...good, previous: last }, failing: good },
  {
    rule: "drop",
    policy: { maxDrop: 1 },
    passing: {
      ...withReport(questionAt("SAO-02", 2)),
      previous: earlier(questionAt("SAO-02", 3)).previous,
    },
    failing: {
      ...withReport(questionAt("SAO-02", 1)),
      previous: earlier(questionAt("SAO-02", 3)).previous,
    },
  },
  {
    rule: "drop",
    policy: { maxDrop: 0 },
    passing: earlier(questionAt("SAO-02", "U"), "earlier"),
    failing: {
      ...withReport(questionAt("SAO-02", "U")),
      previous: earlier(questionAt("SAO-02", 0)).previous,
    },
  },
  {
    rule: "drop",
    policy: { maxDrop: 0 },
    passing: earlier({}),
    failing: earlier({ bank_sha256: "00".repeat(32) }),
  },
  {
    rule: "drop",
    policy: { maxDrop: 5 },
    passing: earlier({}, "earlier"),
    failing: earlier({}, "elsewhere"),
  },
  {
    rule: "drop",
    policy: { maxDrop: 5 },
    passing: earlier({ status: "VALID" }),
    failing: earlier({ status: "INVALID" }),
  },
  {
    rule: "previous-run",
    policy: { consecutiveRuns: 2 },
    passing: earlier({}),
    failing: earlier({}, "earlier"),
  },
  {
    rule: "previous-run",
    policy: { consecutiveRuns: 2, minIntegrityIndex: 10 },
    passing: earlier({ integrity_index: 10 }),
    failing: earlier({ integrity_index: 9 }),
  },
  { rule: "previous-run", policy: { consecutiveRuns: 2 }, passing: earlier({}), failing: good },
]

test.each(cases)("B2: the rule $rule passes and refuses at its bound ($policy)", (each) => {
  const { rule, policy, passing, failing } = each
  expect(refusedBy(policy, passing)).toEqual([])
  expect(refusedBy(policy, failing)).toEqual([rule])
})

test.each([
  { rule: "integrity-index", passing: { integrity_index: 70 }, failing: { integrity_index: 69 } },
  { rule: "completeness", passing: sealedOf(19, 20), failing: sealedOf(18, 20) },
  { rule: "completeness", passing: sealedOf(1, 1), failing: sealedOf(0, 0) },
])("B4: a certificate asks for $rule at its floor, whatever the policy does", (each) => {
  const failed = (change: Partial<Report>): readonly string[] =>
    certificateChecks({ ...report, ...change })
      .filter(({ passed }) => !passed)
      .map(({ rule }) => rule)
  expect(failed(each.passing)).toEqual([])
  expect(failed(each.failing)).toEqual([each.rule])
})

function sealedOf(sealed: number, opened: number): Partial<Report> {
  return { sessions: { ...report.sessions, opened, sealed } }
}

test("B2: the cases above refuse by every rule that there is", () => {
  const ofCertificates = "completeness"
  const tried = new Set([...cases.map(({ rule }) => rule), ofCertificates])
  expect(tried).toEqual(new Set(gateRules))
})

const level = fc.constantFrom<Level>(0, 1, 2, 3, 4, 5, "U")
/** Most rules left out, so that some evidence passes. */
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value })
const bound = fc.integer({ min: 0, max: 5 })
const ids = report.questions.map(({ id }) => id)
const layers = report.layers.map(({ name }) => name)

const policies: fc.Arbitrary<GatePolicy> = fc.record({
  v: fc.constant(1 as const),
  id: fc.constant(loose.id),
  producerRoots: fc.constant(loose.producerRoots),
  requireObservedForLevel5: fc.boolean(),
  denyIfLowTrust: fc.boolean(),
  agents: maybe(fc.constantFrom([report.agent], ["another"])),
  minOverall: maybe(bound),
  minLayers: maybe(fc.dictionary(fc.constantFrom(...layers), bound)),
  minQuestions: maybe(fc.dictionary(fc.constantFrom(...ids), bound)),
  minIntegrityIndex: maybe(fc.integer({ min: 0, max: 100 })),
  minTrustLabel: maybe(fc.constantFrom("LOW TRUST" as const, "HIGH TRUST" as const)),
  requirePosture: maybe(fc.constantFrom("declared" as const, "measured" as const)),
  maxAgeDays: maybe(fc.integer({ min: 1, max: 30 })),
  witnessPolicy: maybe(fc.constant("quorum none\n")),
  denyVetoes: maybe(fc.boolean()),
  maxDrop: maybe(bound),
  consecutiveRuns: maybe(fc.constantFrom(1 as const, 2 as const)),
  allowLoopbackUpstreams: maybe(fc.boolean()),
})

const reports: fc.Arbitrary<Report> = fc
  .record({
    overall: level,
    layers: fc.array(level, { minLength: layers.length, maxLength: layers.length }),
    questions: fc.array(level, { minLength: ids.length, maxLength: ids.length }),
    integrity_index: fc.integer({ min: 0, max: 100 }),
    status: fc.constantFrom("VALID" as const, "VALID" as const, "INVALID" as const),
    posture: fc.constantFrom("shared" as const, "declared" as const, "measured" as const),
    upstreams: fc.constantFrom(report.upstreams, local),
    isCapped: fc.boolean(),
  })
  .map(({ isCapped, ...drawn }) => ({
    ...report,
    ...drawn,
    layers: report.layers.map((each, at) => ({ ...each, level: drawn.layers[at]! })),
    questions: (isCapped ? capped : report.questions).map((each, at) => ({
      ...each,
      level: drawn.questions[at]!,
    })),
  }))

const runs = fc.record({
  report: reports,
  label: fc.constantFrom("UNRELIABLE" as const, "LOW TRUST" as const, "HIGH TRUST" as const),
  quorum: fc.constantFrom("met" as const, "not-met" as const, "none" as const, null),
  observed: fc.subarray(ids).map((some) => new Set(some)),
})
const evidences: fc.Arbitrary<GateEvidence> = fc
  .tuple(
    runs,
    fc.integer({ min: 0, max: 20 }),
    fc.option(
      fc.tuple(runs, fc.constantFrom("last" as const, "earlier" as const, "elsewhere" as const)),
    ),
  )
  .map(([own, days, before]) => ({
    ...own,
    openedMs: good.openedMs,
    atMs: good.openedMs + days * dayMs,
    previous: before === null ? null : { ...before[0], place: before[1] },
  }))

/** Ways to leave something out of the evidence: what is not there was not seen. */
const omissions: fc.Arbitrary<(evidence: GateEvidence) => GateEvidence> = fc.oneof(
  fc.constantFrom(...ids).map((id) => (evidence: GateEvidence) => ({
    ...evidence,
    report: {
      ...evidence.report,
      questions: evidence.report.questions.map((one) =>
        one.id === id ? { ...one, level: "U" as const } : one,
      ),
    },
  })),
  fc.constantFrom(...layers).map((name) => (evidence: GateEvidence) => ({
    ...evidence,
    report: {
      ...evidence.report,
      layers: evidence.report.layers.filter((one) => one.name !== name),
    },
  })),
  fc.constant((evidence: GateEvidence) => ({ ...evidence, previous: null })),
  fc.constant((evidence: GateEvidence) => ({ ...evidence, quorum: null })),
  fc.constant((evidence: GateEvidence) => ({
    ...evidence,
    report: { ...evidence.report, upstreams: [] },
  })),
  fc.constantFrom(...ids).map((id) => (evidence: GateEvidence) => ({
    ...evidence,
    observed: new Set([...evidence.observed].filter((each) => each !== id)),
  })),
  fc.constant((evidence: GateEvidence) => ({
    ...evidence,
    report: { ...evidence.report, overall: "U" as const },
  })),
)

function passes(policy: GatePolicy, evidence: GateEvidence): boolean {
  return evaluateGate(policy, evidence).every(({ passed }) => passed)
}

test("B2: leaving something out of the evidence never turns a refusal into a pass", () => {
  let passing = 0
  const refusing = new Set<string>()
  fc.assert(
    fc.property(
      policies,
      evidences,
      fc.array(omissions, { minLength: 1, maxLength: 3 }),
      (policy, evidence, leaveOut) => {
        const less = leaveOut.reduce((from, omit) => omit(from), evidence)
        for (const rule of refusedBy(policy, evidence)) refusing.add(rule)
        if (!passes(policy, less)) return
        passing++
        expect(passes(policy, evidence)).toBe(true)
      },
    ),
    { numRuns: 3000 },
  )
  expect(passing).toBeGreaterThan(20)
  expect(gateRules.filter((rule) => !refusing.has(rule))).toEqual(["completeness"])
})
