import { expect, test } from "vitest"
import { record } from "../evidence.fixture.ts"
import { beginScore, encodeReport, scoreRun } from "../index.ts"
import { goodDays } from "../story.fixture.ts"
import { bank1 } from "./bank-1.ts"
import { type Bank, type Question, questionsOf } from "./bank.ts"
import { type EvidenceEvent, evidenceOf } from "./evidence.ts"
import { freeQuestions, judgedOf, termsAt } from "./judged.fixture.ts"
import { decide } from "./question.ts"
import { decideAll } from "./questions.ts"
import { tallyOf } from "./tally.ts"
import type { TraceSummary } from "./trace.ts"
import type { Window } from "./window.ts"
import { windowOf } from "./window-fold.ts"

const [question] = freeQuestions as [Question]

test("names what decided: failures, then what is unknown, then what passed, of each the newest, ten in all", () => {
  const some = (outcome: "fail" | "unknown" | "pass", count: number) =>
    Array.from({ length: count }, (_, at) =>
      judgedOf({ id: `${outcome} ${at}`, day: 30 + (at % 3), items: [{ outcome }] }),
    )
  const of = (fail: number, unknown: number, pass: number): readonly string[] => {
    const all = [...some("pass", pass), ...some("unknown", unknown), ...some("fail", fail)]
    return decide(tallyOf(question, all, bank1), termsAt()).events
  }
  expect(of(4, 2, 3)).toEqual([
    "fail 2",
    "fail 1",
    "fail 0",
    "fail 3",
    "unknown 1",
    "unknown 0",
    "pass 2",
    "pass 1",
    "pass 0",
  ])
  expect(of(9, 9, 9)).toHaveLength(10)
  expect(of(12, 9, 0).every((hash) => hash.startsWith("fail"))).toBe(true)
})

test("counts units by what became of them, and asks nothing where none was seen", () => {
  const all = [
    judgedOf({
      id: "a",
      items: [
        { outcome: "fail", count: 3 },
        { outcome: "unknown", count: 2 },
      ],
    }),
    judgedOf({ id: "b", items: [{ outcome: "pass", count: 4 }] }),
    judgedOf({ id: "c", day: 39, items: [{ outcome: "pass" }] }),
  ]
  expect(decide(tallyOf(question, all, bank1), termsAt()).units).toEqual({
    n: 10,
    k: 5,
    unknown: 2,
    sessions: 2,
    days: 2,
  })
  const text = `not seen yet: ${question.exposure}`
  expect(decide(tallyOf(question, [], bank1), termsAt())).toMatchObject({
    level: "U",
    missing: [{ gate: "exposure", have: 0, need: 1, text }],
  })
})

const recording = record({
  sessions: [...goodDays(3, 1), { day: 2, task: "failed", passed: false }],
  endDay: 3,
})
const { window } = windowOf(evidenceOf(recording.events, recording.runOpened), bank1)

function bankWith(id: string, change: Partial<Question>): Bank {
  const layers = bank1.layers.map((layer) => ({
    ...layer,
    questions: layer.questions.map((each) => (each.id === id ? { ...each, ...change } : each)),
  }))
  return { ...bank1, layers }
}

function levelIn(id: string, bank: Bank, change: Partial<Window> = {}): unknown {
  return decideAll({ ...window, ...change }, bank).get(id)?.decision.level
}

test("a question waits for those that it needs, wherever they stand", () => {
  const first = questionsOf(bank1)[0]!.id
  const needing = (at_least: number): Bank =>
    bankWith(first, { needs: [{ level: 1, kind: "question", question: "SAO-11", at_least }] })
  expect(levelIn("SAO-11", bank1)).toBe(2)
  expect(levelIn(first, bank1)).toBe(levelIn(first, needing(2)))
  expect(levelIn(first, bank1)).not.toBe(0)
  expect(levelIn(first, needing(3))).toBe(0)
})

test("a trace weighs on what needs high trust, what is dark on all, and a bank without a dark question on none", () => {
  const traces = { calls: 9, correlated: 5, no_receipt: 0 } as TraceSummary
  const caps = (bank: Bank, change: Partial<Window>): ReadonlySet<unknown> =>
    new Set(
      [...decideAll({ ...window, ...change }, bank).values()].map(
        ({ question: of, decision }) => `${of.high_risk} ${decision.cap?.level}`,
      ),
    )
  expect(caps(bank1, { traces })).toEqual(new Set(["true 2", "false undefined"]))
  expect(caps(bank1, {})).toEqual(new Set(["true undefined", "false undefined"]))
  const none = { ...bank1, dark_question: "none" }
  expect(caps(none, {})).toEqual(new Set(["true undefined", "false undefined"]))
})

test("what passed before the window or after it is left out, what did not is not", () => {
  const all = decideAll(window, bank1).get("SK-02")!.decision.units
  const later = decideAll({ ...window, fromMs: window.toMs }, bank1).get("SK-02")!.decision.units
  expect([all.n, all.k]).toEqual([4, 3])
  expect([later.n, later.k]).toEqual([1, 0])
  const ahead = decideAll({ ...window, toMs: window.fromMs }, bank1).get("SK-02")!.decision.units
  expect([ahead.n, ahead.k]).toEqual([1, 0])
})

test("what came in about a question counts for it with the sessions", () => {
  const file = {
    event: "file",
    ts: window.toMs,
    source_sha256: "f",
    about: "SK-02",
    tier: "ATTESTED",
    passed: 1,
    failed: 0,
    undecided: 0,
  }
  const ingested = [file] as unknown as Window["ingested"]
  const { units } = decideAll({ ...window, ingested }, bank1).get("SK-02")!.decision
  expect([units.n, units.k]).toEqual([5, 4])
})

test("P17: a run that is told event by event comes to the same report", () => {
  const { events, runOpened } = recording
  const opened = events.find(({ hash }) => hash === runOpened)!
  const run = beginScore(opened)
  // What came after the run is no evidence of it.
  const [first] = events.filter(({ event }) => event.session !== null) as [EvidenceEvent]
  const late = { ...first, hash: "late", event: { ...first.event, lseq: opened.event.lseq + 1 } }
  for (const each of [...events, late]) run.look(each)
  for (const each of [...events, late]) run.take(each)
  expect(encodeReport(run.report())).toEqual(encodeReport(scoreRun(recording)))
  expect(run.report().sessions).toEqual({ opened: 4, sealed: 4, exposed: 4, counted: 4, days: 3 })
})

test("counts what was opened, sealed, answered and seen of the window alone", () => {
  const odd = [
    { day: 0, task: "before" },
    { day: 9, task: "good" },
    { day: 9, task: "good" },
    { day: 10, task: "open", end: "open" },
    { day: 10, task: "errors", answerStatus: 500 },
    { day: 11, task: "cut", isTruncated: true },
  ] as const
  const { sessions } = scoreRun(record({ sessions: odd, windowDays: 5 }))
  expect(sessions).toEqual({ opened: 5, sealed: 4, exposed: 4, counted: 1, days: 1 })
})
