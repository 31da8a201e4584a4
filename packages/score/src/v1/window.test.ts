import { expect, test } from "vitest"
import { recordRun } from "../evidence.fixture.ts"
import { day, digest, LaneFixture, start } from "../lane.fixture.ts"
import { bank1 } from "./bank-1.ts"
import { bankSha256 } from "./bank.ts"
import { type EvidenceEvent, evidenceOf } from "./evidence.ts"
import type { Window } from "./window.ts"
import { windowOf } from "./window-fold.ts"

test.each([
  { why: "repaired after the audit", repairedAt: 2, broken: [] },
  {
    why: "broken again after the repair",
    repairedAt: 0,
    broken: [{ path: "fleet.yaml", isInvalid: false }],
  },
])("a file's state follows time, not lanes: $why", ({ repairedAt, broken }) => {
  const [audits, changes] = [new LaneFixture("lane-1"), new LaneFixture("lane-2")]
  audits.now = start + 1
  audits.record(
    "audit",
    { code: "CONFIG_UNSIGNED", subject: "fleet.yaml", detail: "" },
    { of: "_system" },
  )
  changes.now = start + repairedAt
  const change = {
    path: "fleet.yaml",
    sha256: digest("fleet"),
    version: 2,
    role: "auditor",
  } as const
  changes.record("config_change", change, { of: "_system" })
  const lane = new LaneFixture("lane-3")
  const runOpened = recordRun(lane, start, bankSha256(bank1), [
    ...audits.heads(),
    ...changes.heads(),
  ])
  const events = [...audits.events, ...changes.events, ...lane.events]
  expect(windowOf(evidenceOf(events, runOpened), bank1).window.brokenFiles).toEqual(broken)
})

test.each([
  { why: "a later version", version: 3, isRepaired: true },
  { why: "the same version again", version: 2, isRepaired: false },
  { why: "an older version", version: 1, isRepaired: false },
])("a broken file is repaired by $why: $isRepaired", ({ version, isRepaired }) => {
  const lane = new LaneFixture()
  const change = { path: "fleet.yaml", sha256: digest("fleet"), role: "auditor" } as const
  lane.record("config_change", { ...change, version: 2 }, { of: "_system" })
  lane.record(
    "audit",
    { code: "CONFIG_SIGNATURE_INVALID", subject: "fleet.yaml", detail: "" },
    { of: "_system" },
  )
  lane.record("config_change", { ...change, version }, { of: "_system" })
  const runOpened = recordRun(lane, start, bankSha256(bank1))
  const { brokenFiles } = windowOf(evidenceOf(lane.events, runOpened), bank1).window
  expect(brokenFiles).toEqual(isRepaired ? [] : [{ path: "fleet.yaml", isInvalid: true }])
})

test.each([
  { why: "that was stolen", action: "revoked", isDoubted: true },
  { why: "that was replaced", action: "superseded", isDoubted: false },
] as const)("a session by a key $why is doubted: $isDoubted", ({ action, isDoubted }) => {
  const lane = new LaneFixture()
  const seal = { reason: "interrupted", posture: "shared", hardened: false } as const
  const ends = { first_aseq: 0, last_aseq: 0, events: 1, last_event_hash: digest("seal") }
  lane.record("session_seal", { ...seal, ...ends }, { session: "s-1" })
  const [first] = lane.events
  const change = { kid: first!.event.kid, role: "monitor", action, from_ms: start + 9 } as const
  lane.record("key_change", change, { of: "_system" })
  const runOpened = recordRun(lane, start, bankSha256(bank1))
  const { gapped } = windowOf(evidenceOf(lane.events, runOpened), bank1).window
  expect([...gapped]).toEqual(isDoubted ? ["s-1"] : [])
})

/** A seal of no matter what. */
const sealed = {
  reason: "exited",
  posture: "shared",
  hardened: false,
  first_aseq: 0,
  last_aseq: 0,
  events: 1,
  last_event_hash: digest("seal"),
} as const
const gap = { reason: "clock-step", open_calls: 0, open_sessions: 0, last_ts: start } as const

const stdout = { offset: 0, bytes: 1, stored: true, secrets_found: 0 }

function windowFor(lanes: readonly LaneFixture[], toMs: number = start): Window {
  const lane = new LaneFixture("lane-9")
  const heads = lanes.flatMap((each) => each.heads())
  const runOpened = recordRun(lane, toMs, bankSha256(bank1), heads, toMs)
  const events = [...lanes.flatMap((each) => each.events), ...lane.events]
  return windowOf(evidenceOf(events, runOpened), bank1).window
}

test.each([
  { why: "between its first event and its seal", order: "open gap seal", isGapped: true },
  { why: "before it", order: "gap open seal", isGapped: false },
  { why: "after its seal", order: "open seal gap", isGapped: false },
  { why: "after its last event, where no seal is", order: "open open gap", isGapped: true },
  { why: "before its first event, where no seal is", order: "gap open", isGapped: false },
  { why: "that names it, before it", order: "named open seal", isGapped: true },
])("a session is doubted for a gap $why: $isGapped", ({ order, isGapped }) => {
  const [lane, other] = [new LaneFixture("lane-1"), new LaneFixture("lane-2")]
  for (const what of order.split(" ")) {
    if (what === "open") lane.record("agent_stdout", stdout, { session: "s" })
    if (what === "seal") lane.record("session_seal", sealed, { session: "s" })
    if (what === "gap") lane.record("gap", gap, { of: "_system" })
    if (what === "named") other.record("gap", gap, { session: "s" })
  }
  const found = windowFor([lane, other])
  expect([...found.gapped]).toEqual(isGapped ? ["s"] : [])
  expect(found.gaps).toBe(order.includes("gap") || order.includes("named") ? 1 : 0)
  expect(found.sessions.map(({ isSeenWhole }) => isSeenWhole)).toEqual([false])
})

test("a gap in another lane doubts nothing, and one of long ago is none of the window's", () => {
  const [lane, other] = [new LaneFixture("lane-1"), new LaneFixture("lane-2")]
  lane.record("agent_stdout", stdout, { session: "s" })
  other.record("audit", { code: "LEASE_REFUSED", subject: "", detail: "" })
  other.record("gap", gap, { of: "_system" })
  lane.record("lease", {} as never)
  lane.record("session_seal", sealed, { session: "s" })
  const found = windowFor([lane, other])
  expect([...found.gapped]).toEqual([])
  const look = bank1.look_back_days * day
  expect([0, look, look + 1].map((ms) => windowFor([lane, other], start + ms).gaps)).toEqual([
    1, 1, 0,
  ])
  expect(
    [0, look, look + 1].map((ms) => windowFor([lane, other], start + ms).sessions.length),
  ).toEqual([1, 1, 0])
})

test("a session in which one of two keys was stolen is doubted", () => {
  const lane = new LaneFixture()
  lane.record("agent_stdout", stdout, { session: "s" })
  lane.record("session_seal", sealed, { session: "s" })
  const [first] = lane.events as [EvidenceEvent]
  const stolen = { ...first, event: { ...first.event, kid: digest("stolen") } }
  lane.events.splice(0, 1, stolen)
  const change = { kid: digest("stolen"), role: "monitor", action: "revoked", from_ms: 0 } as const
  lane.record("key_change", change, { of: "_system" })
  expect([...windowFor([lane]).gapped]).toEqual(["s"])
})

test("a session is what the agent's own chain holds of it, whoever else names it", () => {
  const events = (named: boolean): Window["sessions"] => {
    const lane = new LaneFixture()
    lane.record("agent_stdout", stdout, { session: "s" })
    if (named) {
      lane.record(
        "audit",
        { code: "SECRET_SEEN", subject: "", detail: "" },
        { of: "_system", session: "s" },
      )
      const claims = { by: "agent" as const, overall: null, levels: [] }
      const source = { source_sha256: digest("claims") }
      lane.record("claim", source, { channel: "ingest", reported: claims, session: "s" })
    }
    lane.now += 5
    lane.record("session_seal", sealed, { session: "s" })
    return windowFor([lane]).sessions
  }
  const [plain, named] = [events(false), events(true)].map((sessions) =>
    sessions.map(({ firstMs, lastMs, isSealed, judged }) => ({
      times: [firstMs, lastMs],
      isSealed,
      // Without the seals' hashes, which name places.
      judged: [...judged].map(([id, { tier, items }]) => [
        id,
        tier,
        items.map(({ outcome }) => outcome),
      ]),
    })),
  )
  expect(plain).toHaveLength(1)
  expect(named).toEqual(plain)
})

test("a session is looked back on by its end, and so is whether anything was answered", () => {
  const lane = new LaneFixture()
  const answer = { from_upstream: true, status: 200, request_event_hash: "none" } as never
  lane.record("llm_response", answer, { session: "s" })
  lane.now = start + 5
  lane.record("outcome", { passed: true, timed_out: false } as never, { session: "s" })
  const look = bank1.look_back_days * day
  const found = [5, 6].map((ms) => windowFor([lane], start + look + ms))
  expect(found.map(({ sessions }) => sessions.length)).toEqual([1, 0])
  expect(found.map(({ surroundings }) => surroundings)).toEqual([
    { isAnswered: true, isChecked: true },
    { isAnswered: false, isChecked: false },
  ])
})

test("the agent's config is signed anew by each later version of its own file, in order of time", () => {
  const [late, early] = [new LaneFixture("lane-1"), new LaneFixture("lane-2")]
  const sign = (lane: LaneFixture, at: number, version: number, path: string): void => {
    lane.now = start + at
    const change = { path, sha256: digest(path), version, role: "auditor" } as const
    lane.record("config_change", change, { of: "_system" })
  }
  const own = "agents/example/agent.config.yaml"
  sign(early, 1, 1, own)
  sign(late, 2, 2, own)
  sign(late, 3, 2, own)
  sign(late, 4, 1, own)
  sign(late, 5, 9, "agents/other/agent.config.yaml")
  sign(late, 6, 3, own)
  late.record("audit", { code: "CONFIG_UNSIGNED", subject: own, detail: "" }, { of: "_system" })
  expect(windowFor([late, early]).fixes).toEqual([1, 2, 6].map((at) => start + at))
})

test("of a violated boundary the workspace's word stands for the agent's, one for each session", () => {
  const lane = new LaneFixture()
  const said = (subject: string, detail: string, of?: string): void =>
    void lane.record(
      "audit",
      { code: "TRUST_BOUNDARY_VIOLATED", subject, detail },
      of === undefined ? {} : { of },
    )
  said("a", "own")
  said("a", "own again")
  said("b", "own")
  said("b", "the workspace's", "_system")
  said("b", "own again")
  lane.record("audit", { code: "CONFIG_UNSIGNED", subject: "f", detail: "" }, { of: "_system" })
  const { violations, brokenFiles } = windowFor([lane])
  expect(violations).toEqual([
    { subject: "a", detail: "own" },
    { subject: "b", detail: "the workspace's" },
  ])
  expect(brokenFiles).toEqual([{ path: "f", isInvalid: false }])
})

test("what bears on more than a session is kept, and what a trace or an attestation names", () => {
  const lane = new LaneFixture()
  const answered = lane.record("llm_response", {} as never, { session: "s" })
  lane.record("llm_response", {} as never, { session: "s" })
  const lease = { lease_id: "l", action: "issued", expires_ms: 0 } as never
  lane.record("lease", lease)
  lane.record("lease", lease, { of: "_system" })
  const trace = { span_sha256: digest("a"), verdict: "correlated", event_hash: answered } as const
  const calls = [trace, { ...trace, span_sha256: digest("b"), event_hash: null }]
  lane.record("trace_claim", { source_sha256: digest("t"), calls }, { channel: "ingest" })
  const named = { lane: lane.name, first_aseq: 1, last_aseq: 2 }
  const ends = { first_event_hash: digest("x"), last_event_hash: digest("y") }
  lane.record("attestation", { ...named, ...ends, statement_sha256: digest("s") })
  const audit = (code: "TRUST_BOUNDARY_VIOLATED" | "TRUST_BOUNDARY_DRIFT" | "CONFIG_UNSIGNED") =>
    void lane.record("audit", { code, subject: "", detail: "" })
  audit("TRUST_BOUNDARY_VIOLATED")
  audit("TRUST_BOUNDARY_DRIFT")
  audit("CONFIG_UNSIGNED")
  lane.record("audit", { code: "CONFIG_UNSIGNED", subject: "", detail: "" }, { of: "_system" })
  lane.record("agent_stdout", stdout)
  const run = new LaneFixture("lane-9")
  const runOpened = recordRun(run, start, bankSha256(bank1), lane.heads())
  const { kept, window } = windowOf(evidenceOf([...lane.events, ...run.events], runOpened), bank1)
  const placesOf = (found: readonly { lseq: number }[]): number[] => found.map(({ lseq }) => lseq)
  expect(placesOf(kept.map(({ event }) => event))).toEqual([0, 1, 2, 3, 4, 5, 6, 8, 9])
  expect(placesOf(window.own.measured("lease"))).toEqual([2])
  expect(placesOf(window.system.measured("audit"))).toEqual([9])
})
