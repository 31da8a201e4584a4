import { expect, test } from "vitest"
import { agent, digest, LaneFixture } from "../lane.fixture.ts"
import { Attested } from "./attested.ts"

/** Of five events of a chain those from the second to the fourth. */
const lane = new LaneFixture()
for (let at = 0; at < 5; at++) lane.record("agent_stdout", stdout())
const [, first, , last] = lane.events as readonly { hash: string }[]
const range = {
  lane: lane.name,
  first_aseq: 1,
  last_aseq: 3,
  first_event_hash: first!.hash,
  last_event_hash: last!.hash,
  statement_sha256: digest("statement"),
}

test.each<{ why: string; change?: Partial<typeof range>; of?: string; vouched: readonly number[] }>(
  [
    { why: "both ends and what lies between", vouched: [1, 2, 3] },
    {
      why: "nothing of a range with another first event",
      change: { first_event_hash: digest("x") },
      vouched: [],
    },
    {
      why: "nothing of a range with another last event",
      change: { last_event_hash: digest("x") },
      vouched: [],
    },
    { why: "nothing of a range of another lane", change: { lane: "lane-2" }, vouched: [] },
    { why: "nothing by a range that another agent's chain holds", of: "somebody", vouched: [] },
  ],
)("an attestation vouches for $why", ({ change = {}, of = agent, vouched }) => {
  const told = new LaneFixture("told")
  told.record("attestation", { ...range, ...change }, { of })
  const attested = new Attested([...lane.events, ...told.events], agent)
  const places = [0, 1, 2, 3, 4]
  expect(places.filter((aseq) => attested.has({ lane: lane.name, aseq }))).toEqual(vouched)
  expect(places.filter((aseq) => attested.has({ lane: "lane-2", aseq }))).toEqual([])
})

test("without an attestation nothing is vouched for", () => {
  expect(new Attested(lane.events, agent).has({ lane: lane.name, aseq: 1 })).toBe(false)
})

function stdout(): { offset: number; bytes: number; stored: boolean; secrets_found: number } {
  return { offset: 0, bytes: 1, stored: true, secrets_found: 0 }
}
