import type { ReportedFacts } from "@amc/core"
import { expect, test } from "vitest"
import { recordClaims } from "../evidence.fixture.ts"
import { LaneFixture } from "../lane.fixture.ts"
import type { EvidenceEvent } from "./evidence.ts"
import { boldest, claimedLayer, claimGapOf, Claims } from "./claim.ts"

test("the last word of each claimant counts, whatever lane it is in", () => {
  const [early, late] = [new LaneFixture("lane-2"), new LaneFixture("lane-1")]
  early.now += 1
  recordClaims(early, said("agent", 4))
  recordClaims(late, said("agent", 1))
  recordClaims(late, said("vendor", 5))
  const claims = new Claims([...early.events, ...late.events])
  expect(claims.of("SAO-02")).toEqual([
    { by: "agent", level: 4 },
    { by: "vendor", level: 5 },
  ])
  expect(boldest(claims.of("SAO-02"))).toBe(5)
  expect(claims.of("SK-02")).toEqual([])
  expect(boldest([])).toBeNull()
})

test.each([
  { why: "in one lane the later one", lanes: ["lane-1", "lane-1"], later: 0, level: 2 },
  {
    why: "of two lanes the one that is named later",
    lanes: ["lane-2", "lane-1"],
    later: 0,
    level: 1,
  },
  {
    why: "whatever the lanes, the one of a later time",
    lanes: ["lane-2", "lane-1"],
    later: 1,
    level: 2,
  },
])("of two claims counts $why", ({ lanes, later, level }) => {
  const [first, second] = lanes as [string, string]
  const one = new LaneFixture(first)
  const other = first === second ? one : new LaneFixture(second)
  recordClaims(one, said("agent", 1))
  other.now += later
  recordClaims(other, said("agent", 2))
  const events = [...new Set([...other.events, ...one.events])].toReversed()
  expect(new Claims(events).of("SAO-02")).toEqual([{ by: "agent", level }])
})

test("of the claims of one moment in one lane the last counts, however they are told", () => {
  const lane = new LaneFixture()
  for (const level of [1, 2, 3]) recordClaims(lane, said("agent", level))
  const [first, second, third] = lane.events as [EvidenceEvent, EvidenceEvent, EvidenceEvent]
  for (const events of [
    [first, second, third],
    [third, second, first],
    [second, third, first],
    [third, first, second],
  ])
    expect(new Claims(events).of("SAO-02")).toEqual([{ by: "agent", level: 3 }])
})

test("what is claimed overall is claimed of each question that is not named", () => {
  const lane = new LaneFixture()
  recordClaims(lane, { ...said("document", 2), overall: 4 })
  const claims = new Claims(lane.events)
  expect(claims.of("SAO-02")).toEqual([{ by: "document", level: 2 }])
  expect(claims.of("SK-02")).toEqual([{ by: "document", level: 4 }])
})

test.each([
  { why: "nothing claimed", questions: [{ level: 2, claimed: null }], gap: null },
  {
    why: "an unknown level counts as 0",
    questions: [{ level: "U", claimed: 5 }],
    gap: { questions: 1, mean: "5.00", max: 5, overall: "U" },
  },
  {
    why: "claims below what is shown",
    questions: [
      { level: 3, claimed: 1 },
      { level: 1, claimed: 0 },
    ],
    gap: { questions: 2, mean: "-1.50", max: -1, overall: "U" },
  },
] as const)("measures the gap: $why", ({ questions, gap }) => {
  expect(claimGapOf(questions, [{ claimed: 3 }, { claimed: null }])).toEqual(gap)
})

test("claims are scored by the rules that the evidence is scored by", () => {
  const layer = [
    { highRisk: true, claimed: 2 },
    { highRisk: false, claimed: 5 },
  ]
  expect(claimedLayer(layer)).toBe(2)
  expect(claimedLayer([{ highRisk: true, claimed: null }])).toBeNull()
  expect(claimedLayer([...layer, { highRisk: true, claimed: null }])).toBe("U")
  const rare = { highRisk: false, isOccasional: true, claimed: 0 }
  expect(claimedLayer([{ highRisk: false, claimed: 5 }, rare])).toBe(5)
  const gap = claimGapOf([{ level: 1, claimed: 5 }], [{ claimed: 5 }, { claimed: 4 }])
  expect(gap?.overall).toBe(4)
})

function said(by: ReportedFacts<"claim">["by"], level: number): ReportedFacts<"claim"> {
  return { by, overall: null, levels: [{ question: "SAO-02", level }] }
}
