import { expect, test } from "vitest"
import { record } from "../evidence.fixture.ts"
import { type Report, scoreRun } from "../index.ts"
import { day, digest, type LaneFixture, start } from "../lane.fixture.ts"
import { goodDays } from "../story.fixture.ts"

const good = goodDays(14, 2)
const plain = scoreRun(record({ sessions: good }))

test("counts what was opened, sealed, answered and seen in the window, and nothing from before it", () => {
  const odd = [
    { day: 13, task: "open", end: "open" },
    { day: 13, task: "errors", answerStatus: 500 },
    { day: 13, task: "cut", isTruncated: true },
    { day: 13, task: "good 26" },
  ] as const
  const { sessions } = scoreRun(record({ sessions: [...good, ...odd], windowDays: 7 }))
  // Seven days, on which two sessions were good, and the odd ones: none sealed, none served, none whole, one again.
  expect(sessions).toEqual({ opened: 18, sealed: 17, exposed: 17, counted: 14, days: 7 })
})

test("a session belongs to a window that begins with its last event, and to none that begins later", () => {
  const recording = record({ sessions: [{}] })
  const { ts } = recording.events.find(({ event }) => event.type === "session_seal")!.event
  const openedFrom = (from: number): number => {
    const events = recording.events.map((each) => {
      if (each.event.type !== "run_opened") return each
      const measured = { ...each.event.facts.measured, window_from_ms: from }
      return { ...each, event: { ...each.event, facts: { measured, reported: {} } } }
    })
    return scoreRun({ ...recording, events }).sessions.opened
  }
  expect([ts, ts + 1].map(openedFrom)).toEqual([1, 0])
})

test("at most so many of a day are counted", () => {
  const { sessions } = scoreRun(record({ sessions: goodDays(2, 9) }))
  expect(sessions).toMatchObject({ exposed: 18, counted: 16, days: 2 })
})

test("shows the files of the window alone", () => {
  const bring = (at: number) => (lane: LaneFixture) => {
    lane.now = start + at
    const measured = {
      source_sha256: digest("file"),
      format: "jsonl",
      about: null,
      secrets_found: 0,
    } as const
    const none = {
      tool: "t",
      entries: 1,
      passed: 0,
      failed: 0,
      undecided: 0,
      from_ms: -1,
      to_ms: -1,
    }
    lane.record("ingest", measured, { channel: "ingest", reported: none })
    lane.now = start + 20 * day
  }
  const shown = (at: number): number =>
    scoreRun(record({ sessions: [], windowDays: 7, system: bring(at) })).ingested.count
  expect([13 * day - 1, 13 * day, 20 * day].map(shown)).toEqual([0, 1, 1])
})

test("names each provider once, in the order of the names", () => {
  const recording = record({ sessions: [{ task: "a" }, { task: "b" }] })
  const of = (...names: readonly string[]): object[] =>
    names.map((provider) => ({ provider, upstream: "u", loopback: false }))
  let opened = 0
  const events = recording.events.map((each) => {
    if (each.event.type !== "session_open") return each
    const providers = opened++ === 0 ? of("z", "b") : of("b", "a")
    const measured = { ...each.event.facts.measured, providers }
    return {
      ...each,
      event: { ...each.event, facts: { measured, reported: {} } } as typeof each.event,
    }
  })
  const { upstreams } = scoreRun({ ...recording, events })
  expect(upstreams.map(({ provider }) => provider)).toEqual(["a", "b", "z"])
})

const layerOf = ({ layers }: Report, at: number): Report["layers"][number] => layers[at]!

test("P16: what comes up only at times holds its layer once it went badly, and not before", () => {
  const withRefusals = (refusals: number): Report =>
    scoreRun(record({ sessions: good.map((each) => ({ ...each, refusals })) }))
  const levels = [plain, withRefusals(3), withRefusals(9)].map((each) => layerOf(each, 1).level)
  expect(levels).toEqual([2, 2, 1])
  const once = [...good, { task: "refused", day: 3, refusals: 9 }]
  expect(layerOf(scoreRun(record({ sessions: once })), 1).level).toBe(1)
})

test("S11: a layer's claim leaves out what comes up only at times", () => {
  const claims = ["LA-04", "LA-05", "LA-06"].map((question) => ({
    question,
    level: question === "LA-04" ? 0 : 4,
  }))
  const { layers, claim_gap } = scoreRun(record({ sessions: good, claims }))
  expect(layers[1]?.claimed).toBe(4)
  expect(layers.filter(({ claimed }) => claimed !== null)).toHaveLength(1)
  expect(claim_gap).toMatchObject({ questions: 3, overall: "U" })
})

test("P13: evidence with a hole decides nothing, whatever it holds", () => {
  const recording = record({ sessions: [...good, { task: "secret", hasSecret: true, day: 13 }] })
  const hole = recording.events.findIndex(({ event }) => event.type === "llm_request")
  const report = scoreRun({ ...recording, events: recording.events.toSpliced(hole, 1) })
  expect(report).toMatchObject({ status: "INVALID", overall: "U", integrity_index: 0 })
  for (const { level, units } of report.questions) expect([level, units.n]).toEqual(["U", 0])
  expect(report.ingested.count).toBe(0)
})
