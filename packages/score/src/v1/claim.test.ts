import { expect, test } from "vitest"
import { agent, digest, LaneFixture } from "../lane.fixture.ts"
import { claimGapOf, claimsOf } from "./claim.ts"

test("the latest claim counts, whatever lane it is in, and none is above level 5", () => {
  const [early, late] = [new LaneFixture("lane-2"), new LaneFixture("lane-1")]
  early.now += 1
  claim(early, "SAO-02", 4)
  claim(late, "SAO-02", 1)
  claim(late, "SAO-02", 2)
  claim(late, "SK-02", 99)
  expect([...claimsOf([...early.events, ...late.events])]).toEqual([
    ["SAO-02", 4],
    ["SK-02", 5],
  ])
})

test.each([
  { why: "nothing claimed", questions: [{ level: 2, claimed: null }], gap: null },
  {
    why: "an unknown level counts as 0",
    questions: [{ level: "U", claimed: 5 }],
    gap: { questions: 1, mean: "5.00", max: 5 },
  },
  {
    why: "claims below what is shown",
    questions: [
      { level: 3, claimed: 1 },
      { level: 1, claimed: 0 },
    ],
    gap: { questions: 2, mean: "-1.50", max: -1 },
  },
] as const)("measures the gap: $why", ({ questions, gap }) => {
  expect(claimGapOf(questions)).toEqual(gap)
})

function claim(lane: LaneFixture, question: string, level: number): void {
  const measured = { source_sha256: digest("claims"), entry: 0, entries: 1 }
  lane.record("ingest", measured, {
    of: agent,
    channel: "ingest",
    reported: { question, level, text: "" },
  })
}
