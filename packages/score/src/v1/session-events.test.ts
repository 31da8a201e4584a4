import type { FactType } from "@amc/core"
import { expect, test } from "vitest"
import { agent } from "../lane.fixture.ts"
import { probeOf } from "../probe.fixture.ts"
import type { EvidenceEvent } from "./evidence.ts"
import { type Session, sessionOf } from "./session.ts"

type Told = readonly [type: FactType, measured: object, body?: string | undefined, lane?: string]

const open: Told = ["session_open", { driver: "bubblewrap" }]
const bare: Told = ["session_open", { driver: "none" }]
const seal = (reason = "exited", posture = "shared", hardened = false): Told => [
  "session_seal",
  { reason, posture, hardened },
]
const measured = seal("exited", "measured", true)
const probe = (box: "hardened" | "isolated" | "leaky"): Told => ["sandbox_probe", probeOf(box)]
const request = (body: string, change: object = {}): Told => ["llm_request", change, body]
/** Of the event at a place. */
const answer = (at: number, change: object = {}): Told => [
  "llm_response",
  { request_event_hash: `${at}`, from_upstream: true, status: 200, ...change },
]
const audit = (code: string): Told => ["audit", { code }]
const begun: Told = ["agent_process_started", {}]
const other: Told = ["lease", {}]

function sessionWith(events: readonly Told[]): Session {
  const made = events.map(([type, facts, body, lane = "lane"], at) => ({
    hash: `${at}`,
    event: {
      type,
      lane,
      lseq: at,
      ts: 86_400_000 + at,
      agent,
      payload: body === undefined ? null : { sha256: body },
      facts: { measured: facts, reported: {} },
    },
  }))
  return sessionOf("s", made as unknown as readonly EvidenceEvent[])
}

test.each<{ events: readonly Told[]; is: Partial<Session> }>([
  { events: [open, seal()], is: { isWhole: true, isClosed: true, isSealed: true } },
  { events: [open], is: { isWhole: false, isClosed: false, isSealed: false } },
  { events: [open, open, seal()], is: { isWhole: false } },
  { events: [other, open, seal()], is: { isWhole: false } },
  { events: [open, seal(), other], is: { isWhole: false, isClosed: true, isSealed: false } },
  { events: [open, seal(), seal()], is: { isWhole: false } },
  { events: [open, seal("recovered")], is: { isWhole: false, isClosed: false, isSealed: true } },
  { events: [open, seal("recovered"), seal()], is: { isClosed: false } },
  { events: [open, ["lease", {}, undefined, "other"], seal()], is: { isWhole: false } },
  { events: [open, request("a"), seal()], is: { isWhole: false } },
  { events: [open, request("a"), answer(1), seal()], is: { isWhole: true } },
  {
    events: [open, request("a", { facts_truncated: true }), answer(1), seal()],
    is: { isWhole: false },
  },
  {
    events: [open, request("a"), answer(1, { facts_truncated: true }), seal()],
    is: { isWhole: false },
  },

  { events: [probe("hardened"), measured], is: { isIsolated: true, isHardened: true } },
  { events: [measured], is: { isIsolated: false, isHardened: false, isDeclared: false } },
  { events: [probe("hardened")], is: { isIsolated: false, isHardened: false } },
  { events: [probe("hardened"), measured, seal()], is: { isIsolated: false, isHardened: false } },
  { events: [probe("hardened"), probe("leaky"), measured], is: { isIsolated: false } },
  {
    events: [probe("hardened"), audit("TRUST_BOUNDARY_DRIFT"), measured],
    is: { isIsolated: false },
  },
  { events: [probe("hardened"), audit("POLICY_REFUSED"), measured], is: { isIsolated: true } },
  {
    events: [probe("hardened"), probe("isolated"), measured],
    is: { isIsolated: true, isHardened: false },
  },
  {
    events: [probe("hardened"), measured, seal("exited", "measured", false)],
    is: { isIsolated: true, isHardened: false },
  },
  { events: [probe("isolated"), measured], is: { isIsolated: true, isHardened: false } },
  { events: [seal("exited", "declared")], is: { isIsolated: false, isDeclared: true } },
  { events: [seal("exited", "declared"), seal()], is: { isDeclared: false } },
  {
    events: [probe("hardened"), seal("exited", "declared")],
    is: { isIsolated: false, isDeclared: true },
  },
  { events: [probe("leaky"), seal("exited", "declared")], is: { isDeclared: false } },
  { events: [probe("hardened"), measured], is: { isDeclared: false } },

  { events: [other], is: { mayHaveRun: true } },
  { events: [bare, seal()], is: { mayHaveRun: true } },
  { events: [bare, seal("not-started")], is: { mayHaveRun: false } },
  { events: [bare, seal("probe-failed")], is: { mayHaveRun: false } },
  { events: [bare, seal("not-started"), seal()], is: { mayHaveRun: true } },
  { events: [begun, seal("not-started")], is: { mayHaveRun: true } },
  { events: [open, seal("recovered")], is: { mayHaveRun: false } },
  { events: [open, seal("timeout")], is: { mayHaveRun: true } },
  { events: [open, probe("hardened"), seal("recovered")], is: { mayHaveRun: true } },
  { events: [bare, seal("recovered")], is: { mayHaveRun: true } },
  { events: [seal("recovered")], is: { mayHaveRun: true } },
  { events: [open, bare, seal("recovered")], is: { mayHaveRun: true } },

  {
    events: [request("a"), answer(0), request("b"), request("c"), answer(3)],
    is: { replayKey: "a c", isAnswered: true, isServed: true },
  },
  {
    events: [request("a"), answer(0, { from_upstream: false })],
    is: { replayKey: "", isAnswered: false, isServed: false },
  },
  {
    events: [request("a"), answer(0, { status: 0 })],
    is: { replayKey: "", isAnswered: false, isServed: false },
  },
  ...[1, 199, 300].map((status) => ({
    events: [request("a"), answer(0, { status })],
    is: { replayKey: "a", isAnswered: true, isServed: false },
  })),
  { events: [request("a"), answer(0, { status: 299 })], is: { isServed: true } },
  {
    events: [request("a"), answer(0, { status: 500 }), request("b"), answer(2)],
    is: { replayKey: "a b", isAnswered: true, isServed: true },
  },
  {
    events: [other, open, seal()],
    is: {
      firstLseq: 0,
      lastLseq: 2,
      firstMs: 86_400_000,
      lastMs: 86_400_002,
      day: 1,
      lastHash: "2",
    },
  },
])("a session of $events is $is", ({ events, is }) => {
  expect(sessionWith(events)).toMatchObject(is)
})
