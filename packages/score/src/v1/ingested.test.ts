import { isAtLeast, type MeasuredFacts, type ReportedFacts } from "@amc/core"
import * as fc from "fast-check"
import { expect, test } from "vitest"
import { cases } from "../cases.fixture.ts"
import { record } from "../evidence.fixture.ts"
import { encodeReport, parseReport, type Report, scoreRun } from "../index.ts"
import { agent, day, digest, LaneFixture, start } from "../lane.fixture.ts"
import { goodDays, plans } from "../story.fixture.ts"
import { ingestedOf, judgedFiles } from "./ingested.ts"
import type { Judged } from "./judged.ts"
import { rankOf } from "./question.ts"

interface Brought extends Partial<ReportedFacts<"ingest">> {
  readonly name: string
  readonly about?: string | null
  readonly isAttested?: boolean
}

function bring(lane: LaneFixture, { name, about = "SK-02", isAttested, ...counts }: Brought): void {
  const none = { tool: "t", entries: 9, passed: 0, failed: 0, undecided: 0, from_ms: -1, to_ms: -1 }
  const measured = {
    source_sha256: digest(name),
    format: "jsonl",
    about,
    secrets_found: 0,
  } as const
  lane.record("ingest", measured, { channel: "ingest", reported: { ...none, ...counts } })
  if (isAttested === true) attest(lane)
}

/** The auditor vouches for the agent's last event. */
function attest(lane: LaneFixture, change: Partial<MeasuredFacts<"attestation">> = {}): void {
  const { hash, event } = lane.events.findLast((each) => each.event.agent === agent)!
  const [first_event_hash, last_event_hash] = [hash, hash]
  const range = { first_aseq: event.aseq, last_aseq: event.aseq, first_event_hash, last_event_hash }
  const statement_sha256 = digest("statement")
  lane.record("attestation", { lane: lane.name, ...range, statement_sha256, ...change })
}

function reportOf(
  files: readonly Brought[],
  days: number = 4,
  passed: boolean | null = null,
): Report {
  const sessions = goodDays(days, 3).map((each) => ({ ...each, passed }))
  const system = (lane: LaneFixture): void => files.forEach((file) => bring(lane, file))
  return scoreRun(record({ sessions, system }))
}

const skill = ({ questions }: Report): Report["questions"][number] =>
  questions.find(({ id }) => id === "SK-02")!
const passing = (count: number, isAttested: boolean): Brought[] =>
  Array.from({ length: count }, (_, at) => ({ name: `file ${at}`, passed: 50, isAttested }))

test("R3, game: a flood of self-reported passes raises nothing, beside evidence or alone", () => {
  const flood = passing(1000, false)
  expect(skill(reportOf(flood)).level).toBe("U")
  const without = reportOf([], 14, true)
  const { ingested, ...rest } = reportOf(flood, 14, true)
  expect({ ...rest, ingested: without.ingested }).toEqual(without)
  expect(ingested).toMatchObject({ count: 1000, attested: 0 })
  expect(ingested.latest).toHaveLength(32)
})

test("R3: what an auditor vouches for counts, as ATTESTED: not above level 3", () => {
  const few = reportOf(passing(3, true))
  expect(skill(few)).toMatchObject({ level: 1, units: { n: 3, k: 3 } })
  expect(few.ingested).toMatchObject({ count: 3, attested: 3 })
  expect(few.ingested.latest[0]?.tier).toBe("ATTESTED")
})

test("P19: no file and no attestation makes a tier above ATTESTED", () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 5 }), (attested) => {
      const lane = new LaneFixture()
      attested.forEach((isAttested, at) => bring(lane, { name: `${at}`, isAttested }))
      for (const { tier } of ingestedOf(lane.events, agent, 0)) {
        expect(isAtLeast(tier, "OBSERVED")).toBe(false)
        expect(["SELF_REPORTED", "ATTESTED"]).toContain(tier)
      }
    }),
  )
})

test.each<{ why: string; files: readonly Brought[]; units: object; level: Report["overall"] }>([
  {
    why: "one failure in a file fails it, vouched for or not",
    files: [{ name: "a", passed: 99, failed: 1 }],
    units: { n: 1, k: 0 },
    level: 0,
  },
  {
    why: "what could not be decided is unknown",
    files: [{ name: "a", passed: 99, undecided: 1, isAttested: true }],
    units: { n: 1, k: 0, unknown: 1 },
    level: 0,
  },
  {
    why: "the same bytes twice count once",
    files: [...passing(1, true), ...passing(1, true), ...passing(1, true)],
    units: { n: 1, k: 1 },
    level: 0,
  },
  {
    why: "logs without a result are about nothing",
    files: [{ name: "a", entries: 500, isAttested: true }],
    units: { n: 0, k: 0 },
    level: "U",
  },
  {
    why: "a file that is about no question decides none",
    files: [{ name: "a", about: null, passed: 1, isAttested: true }],
    units: { n: 0, k: 0 },
    level: "U",
  },
])("R3: $why", ({ files, units, level }) => {
  expect(skill(reportOf(files))).toMatchObject({ units, level })
})

test.each<{
  counts: Partial<ReportedFacts<"ingest">>
  isAttested: boolean
  outcome: string | null
}>([
  { counts: { passed: 1 }, isAttested: true, outcome: "pass" },
  { counts: { passed: 1 }, isAttested: false, outcome: null },
  { counts: {}, isAttested: true, outcome: null },
  { counts: { passed: 1, failed: 1, undecided: 1 }, isAttested: true, outcome: "fail" },
  { counts: { failed: 1 }, isAttested: false, outcome: "fail" },
  { counts: { passed: 1, undecided: 1 }, isAttested: true, outcome: "unknown" },
  { counts: { undecided: 1 }, isAttested: false, outcome: "unknown" },
])("R3: a file with $counts, vouched for: $isAttested, is one unit: $outcome", (row) => {
  const lane = new LaneFixture()
  const about = (id: string): readonly Judged[] => {
    bring(lane, { name: id, about: id, ...row.counts, isAttested: row.isAttested })
    return judgedFiles(id, ingestedOf(lane.events, agent, 0))
  }
  const [hash] = [digest("lane-1 0")]
  const place = { id: `file ${hash}`, day: 20_000, firstMs: start, lastMs: start }
  const session = { ...place, replayKey: digest("SK-02"), lastHash: hash }
  const tier = row.isAttested ? "ATTESTED" : "SELF_REPORTED"
  const items = [{ outcome: row.outcome, events: [hash] }]
  expect(about("SK-02")).toEqual(row.outcome === null ? [] : [{ session, tier, items }])
  expect(about("RES-09")).toEqual([])
  expect(judgedFiles("SK-02", ingestedOf(lane.events.slice(2), agent, 0))).toEqual([])
})

test("R3: bytes that were vouched for once stay so when they come in again", () => {
  const lane = new LaneFixture()
  bring(lane, { name: "a", passed: 1, isAttested: true })
  bring(lane, { name: "a", passed: 1 })
  expect(ingestedOf(lane.events, agent, 0)).toMatchObject([{ tier: "ATTESTED" }])
  const never = new LaneFixture()
  for (const _ of [1, 2]) bring(never, { name: "a", passed: 1 })
  expect(ingestedOf(never.events, agent, 0)).toMatchObject([{ tier: "SELF_REPORTED" }])
})

test("R3: what only the monitor can see is decided by no file, whoever vouches for it", () => {
  const about = (id: string): Brought[] => passing(60, true).map((each) => ({ ...each, about: id }))
  const { questions } = reportOf([])
  for (const { id } of questions.filter((question) => question.id !== "SK-02")) {
    const { ingested: _, ...report } = reportOf(about(id))
    expect(report).toEqual({ ...reportOf([]), ingested: undefined })
  }
})

test("R3: an attestation counts only if both its ends are the events that it names", () => {
  const tierWith = (change: Partial<MeasuredFacts<"attestation">>): string => {
    const lane = new LaneFixture()
    bring(lane, { name: "a", passed: 1 })
    attest(lane, change)
    return ingestedOf(lane.events, agent, 0)[0]!.tier
  }
  expect(tierWith({})).toBe("ATTESTED")
  expect(tierWith({ first_event_hash: digest("other") })).toBe("SELF_REPORTED")
  expect(tierWith({ last_event_hash: digest("other") })).toBe("SELF_REPORTED")
  expect(tierWith({ lane: "another" })).toBe("SELF_REPORTED")
  expect(tierWith({ first_aseq: 1, last_aseq: 1 })).toBe("SELF_REPORTED")
})

test("R3, game: a file can't be dated back: the day it came in counts, and vouching does not move it", () => {
  const lane = new LaneFixture()
  lane.now = start + 5 * day
  bring(lane, { name: "a", passed: 1, from_ms: start - 90 * day, to_ms: start - 80 * day })
  lane.now = start + 9 * day
  attest(lane)
  expect(ingestedOf(lane.events, agent, start)).toMatchObject([
    { ts: start + 5 * day, tier: "ATTESTED" },
  ])
  expect(ingestedOf(lane.events, agent, start + 6 * day)).toEqual([])
})

test("R3: of two readings of the same bytes the worse stands, from when the first came in", () => {
  const [late, early] = [new LaneFixture("lane-1"), new LaneFixture("lane-2")]
  late.now = start + 2
  early.now = start + 1
  bring(early, { name: "a", tool: "first", passed: 5, failed: 0, undecided: 1, isAttested: true })
  bring(late, { name: "a", tool: "second", passed: 3, failed: 2, undecided: 0 })
  bring(late, { name: "b", passed: 1 })
  const worse = {
    ts: start + 1,
    tool: "first",
    tier: "ATTESTED",
    passed: 3,
    failed: 2,
    undecided: 1,
  }
  for (const events of [
    [...late.events, ...early.events],
    [...early.events, ...late.events],
  ])
    expect(ingestedOf(events, agent, 0)).toMatchObject([
      worse,
      { source_sha256: digest("b"), ts: start + 2, tier: "SELF_REPORTED" },
    ])
  const vouched = new LaneFixture()
  bring(vouched, { name: "a", passed: 1 })
  bring(vouched, { name: "a", passed: 2, isAttested: true })
  expect(ingestedOf(vouched.events, agent, 0)).toMatchObject([{ tier: "ATTESTED", passed: 1 }])
})

test("R3: what came in for another agent is not this one's", () => {
  const lane = new LaneFixture()
  bring(lane, { name: "a", passed: 1 })
  expect(ingestedOf(lane.events, "somebody", 0)).toEqual([])
  expect(ingestedOf(lane.events, agent, start)).toHaveLength(1)
  expect(ingestedOf(lane.events, agent, start + 1)).toEqual([])
})

test("a report shows the last 32 files, the newest first", () => {
  const files = Array.from({ length: 40 }, (_, at) => ({ name: `${at}`, isAttested: at % 4 === 0 }))
  const { count, attested, latest } = reportOf(files).ingested
  expect([count, attested]).toEqual([40, 10])
  expect(latest.map(({ source_sha256 }) => source_sha256)).toEqual(
    files
      .map(({ name }) => digest(name))
      .slice(8)
      .reverse(),
  )
})

test("R3: a file with a failure raises no level, and none that nobody vouched for does", () => {
  const worse = fc.record({
    name: fc.constantFrom("a", "b", "c"),
    passed: fc.nat(9),
    failed: fc.integer({ min: 1, max: 9 }),
    isAttested: fc.boolean(),
  })
  const unvouched = fc.record({
    name: fc.constantFrom("a", "b"),
    passed: fc.nat(9),
    undecided: fc.nat(1),
  })
  fc.assert(
    fc.property(
      plans,
      fc.array(fc.oneof(worse, unvouched), { maxLength: 4 }),
      (sessions, files) => {
        const system = (lane: LaneFixture): void => files.forEach((file) => bring(lane, file))
        const [before, after] = [
          scoreRun(record({ sessions })),
          scoreRun(record({ sessions, system })),
        ]
        for (const [at, { level }] of after.questions.entries())
          expect(rankOf(level)).toBeLessThanOrEqual(rankOf(before.questions[at]!.level))
        expect(parseReport(encodeReport(after))).toEqual(after)
      },
    ),
    cases,
  )
})
