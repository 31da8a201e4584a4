import { expect, test } from "vitest"
import { record, recordRun } from "../evidence.fixture.ts"
import { type EvidenceEvent, scoreRun } from "../index.ts"
import { agent, digest, LaneFixture, start } from "../lane.fixture.ts"
import { bank1 } from "./bank-1.ts"
import { bankSha256 } from "./bank.ts"
import { type Evidence, evidenceOf as foundIn } from "./evidence.ts"
import { windowOf } from "./window-fold.ts"

const recording = record({ sessions: [{}, { task: "other" }], system: unlockFailure })

test("holds everything of the agent and the system up to the run, and nothing is missing", () => {
  const evidence = evidenceOf(recording.events, recording.runOpened)
  expect(evidence.events).toHaveLength(recording.events.length - 1)
  expect(evidence.missing).toBe(0)
})

test("any event that is left out is missed, and then no question has a level", () => {
  for (const left of recording.events.filter(({ hash }) => hash !== recording.runOpened)) {
    const events = recording.events.filter((each) => each !== left)
    expect(evidenceOf(events, recording.runOpened).missing).toBeGreaterThan(0)
    const report = scoreRun({ events, runOpened: recording.runOpened })
    expect(report.status).toBe("INVALID")
    expect(report.integrity_index).toBe(0)
    expect(new Set(report.questions.map(({ level }) => level))).toEqual(new Set(["U"]))
  }
})

test("two events in one place are as bad as none", () => {
  const [first] = recording.events as [EvidenceEvent]
  const forked = [...recording.events, { ...first, hash: digest("fork") }]
  expect(evidenceOf(forked, recording.runOpened).missing).toBe(1)
})

test("what comes after the run, and other agents' events, are not its evidence", () => {
  const lane = new LaneFixture()
  lane.record("agent_stdout", stdout, { of: "somebody", session: "theirs" })
  const runOpened = recordRun(lane, start, bankSha256(bank1))
  lane.record("agent_stdout", stdout, { session: "late" })
  expect(evidenceOf(lane.events, runOpened)).toMatchObject({ events: [], missing: 0 })
})

test("takes another lane up to the head that the run names", () => {
  const other = new LaneFixture("lane-2")
  other.record("agent_stdout", stdout, { session: "s" })
  const heads = other.heads()
  const after = other.record("agent_stdout", stdout, { session: "s" })
  const lane = new LaneFixture()
  const window = { window_from_ms: 0, window_to_ms: start }
  const run = { run_id: "r", agent, bank_sha256: bankSha256(bank1), ...window, heads }
  const runOpened = lane.record("run_opened", run)
  const all = [...lane.events, ...other.events]
  const { events, missing } = evidenceOf(all, runOpened)
  expect([events.length, missing, events.some(({ hash }) => hash === after)]).toEqual([1, 0, false])
  expect(evidenceOf(lane.events, runOpened).missing).toBe(2)
})

test("P4: puts them in their order, lane by lane, however they came", () => {
  const lanes = ["lane-2", "lane-3"].map((name) => {
    const lane = new LaneFixture(name)
    for (const session of ["a", "b", "c"]) lane.record("agent_stdout", stdout, { session })
    return lane
  })
  const lane = new LaneFixture()
  const heads = lanes.flatMap((each) => each.heads())
  const runOpened = recordRun(lane, start, bankSha256(bank1), heads)
  const all = [...lanes.flatMap(({ events }) => events), ...lane.events]
  const places = evidenceOf(all.toReversed(), runOpened).events.map(
    ({ event }) => `${event.lane} ${event.lseq}`,
  )
  expect(places).toEqual(["lane-2 0", "lane-2 1", "lane-2 2", "lane-3 0", "lane-3 1", "lane-3 2"])
})

test("a run that is not among the events is unknown", () => {
  const unknown = expect.objectContaining({ code: "run/unknown" })
  expect(() => evidenceOf(recording.events, digest("none"))).toThrow(unknown)
  expect(() => evidenceOf(recording.events, recording.events[0]!.hash)).toThrow(unknown)
})

const stdout = { offset: 0, bytes: 1, stored: true, secrets_found: 0 }

function unlockFailure(lane: LaneFixture): void {
  lane.record("audit", { code: "LEASE_REFUSED", subject: "monitor", detail: "" }, { of: "_system" })
}

function evidenceOf(
  events: readonly EvidenceEvent[],
  runOpened: string,
): Evidence & { readonly missing: number } {
  const evidence = foundIn(events, runOpened)
  return { ...evidence, missing: windowOf(evidence, bank1).missing }
}
