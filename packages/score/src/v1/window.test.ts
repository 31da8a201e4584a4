import { expect, test } from "vitest"
import { recordRun } from "../evidence.fixture.ts"
import { digest, LaneFixture, start } from "../lane.fixture.ts"
import { bank1 } from "./bank-1.ts"
import { bankSha256 } from "./bank.ts"
import { evidenceOf } from "./evidence.ts"
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
