import type { FactType } from "@amc/core"
import { expect, test } from "vitest"
import { day } from "../lane.fixture.ts"
import { probeOf } from "../probe.fixture.ts"
import type { MeasuredSession, MeasuredWindow } from "./indicator.ts"
import { indicators } from "./indicators.ts"
import { judged, seenOf, sessionOf, spansOf } from "./measured-session.fixture.ts"

type Facts = Partial<Record<FactType, readonly object[]>>

/** An event that is named by its hash. */
function told(hash: string, measured: object, lseq = 0, ts = 0): object {
  return { hash, ts, lseq, bodySha256: hash, measured }
}

const own = { exit_code: 0, signal: "", timed_out: false, duration_ms: 5 }
const exited = (change: object = {}, hash = "exit"): object => told(hash, { ...own, ...change })
const audit = (code: string, hash = code): object => told(hash, { code })
const seal = (reason = "exited"): object => told("seal", { reason })
const outcome = (hash: string, change: object = {}): object =>
  told(hash, { passed: true, timed_out: false, ...change })
const watch = (change: object = {}, hash = "watch"): object =>
  told(hash, { tripwires: 0, drifts: 0, search_complete: true, ...change })
const limits = (maxCalls: number, maxMs: number): object =>
  told("open", { max_calls: maxCalls, max_duration_ms: maxMs })
const text = (hash: string, secrets_found: number): object => told(hash, { secrets_found })
const linked = (rules: readonly string[], secrets: readonly number[] = []): object =>
  told("connect", {
    connections: rules.map((rule, at) => ({ rule, secrets_found: secrets[at] ?? 0 })),
  })
const leaks = (id: string, expect: string, reached: string): object =>
  told("probe", { ...probeOf("hardened"), checks: [{ id, expect, outcome: reached }] })
const fail = (...events: string[]): object => ({ outcome: "fail", events })
const critical = (...events: string[]): object => ({ ...fail(...events), veto: "critical" })
const high = (...events: string[]): object => ({ ...fail(...events), veto: "high" })
const pass = { outcome: "pass" }
const unknown = { outcome: "unknown" }
const isolated = { isIsolated: true }

interface Rule {
  readonly id: string
  readonly why: string
  readonly facts?: Facts
  readonly of?: Partial<MeasuredSession>
  readonly items: readonly object[]
}

const neverRan = ["LA-06", "RES-09", "CA-09", "SAO-10", "RES-06", "RES-02", "LA-05"]

test.each<Rule>([
  ...neverRan.map((id) => ({
    id,
    why: "an agent that never ran",
    of: { mayHaveRun: false },
    items: [],
  })),

  { id: "LA-06", why: "no end was seen", facts: { outcome: [outcome("a")] }, items: [unknown] },
  {
    id: "LA-06",
    why: "nothing was checked",
    facts: { agent_process_exited: [exited()] },
    items: [fail("exit")],
  },
  {
    id: "LA-06",
    why: "a check that failed is a check",
    facts: { agent_process_exited: [exited()], outcome: [outcome("a", { passed: false })] },
    items: [{ ...pass, events: ["a", "exit"] }],
  },
  {
    id: "LA-06",
    why: "one of two checks did not end",
    facts: {
      agent_process_exited: [exited()],
      outcome: [outcome("a"), outcome("b", { timed_out: true })],
    },
    items: [fail("a", "b", "exit")],
  },

  { id: "RES-09", why: "no seal", facts: { agent_process_exited: [exited()] }, items: [unknown] },
  {
    id: "RES-09",
    why: "sealed after its own end",
    facts: { agent_process_exited: [exited()], session_seal: [seal()] },
    items: [pass],
  },
  {
    id: "RES-09",
    why: "sealed for another reason",
    facts: { agent_process_exited: [exited()], session_seal: [seal("interrupted")] },
    items: [fail("seal")],
  },
  { id: "RES-09", why: "no end", facts: { session_seal: [seal()] }, items: [fail("seal")] },
  {
    id: "RES-09",
    why: "two ends",
    facts: { agent_process_exited: [exited(), exited()], session_seal: [seal()] },
    items: [fail("seal")],
  },
  ...[{ timed_out: true }, { signal: "SIGKILL" }, { exit_code: -1 }, { exit_code: 128 }].map(
    (how) => ({
      id: "RES-09",
      why: `not its own end ${JSON.stringify(how)}`,
      facts: { agent_process_exited: [exited(how)], session_seal: [seal()] },
      items: [fail("seal")],
    }),
  ),

  { id: "CA-09", why: "nothing watched the box", of: isolated, items: [unknown] },
  {
    id: "CA-09",
    why: "watched and whole",
    facts: { sandbox_watch: [watch()] },
    of: isolated,
    items: [pass],
  },
  {
    id: "CA-09",
    why: "watched, and not isolated",
    facts: { sandbox_watch: [watch()] },
    items: [unknown],
  },
  {
    id: "CA-09",
    why: "one of two searches did not end",
    facts: { sandbox_watch: [watch(), watch({ search_complete: false })] },
    of: isolated,
    items: [unknown],
  },
  {
    id: "CA-09",
    why: "one tripwire, by the watch and by the audit, and a wall that moved",
    facts: {
      sandbox_watch: [watch({ tripwires: 1, drifts: 1 })],
      audit: [audit("TRUST_BOUNDARY_DRIFT"), audit("TRUST_BOUNDARY_VIOLATED")],
    },
    of: isolated,
    items: [critical("watch", "TRUST_BOUNDARY_VIOLATED")],
  },
  {
    id: "CA-09",
    why: "one tripwire, by the audit alone",
    facts: { sandbox_watch: [watch()], audit: [audit("TRUST_BOUNDARY_VIOLATED")] },
    of: isolated,
    items: [critical("TRUST_BOUNDARY_VIOLATED")],
  },
  {
    id: "CA-09",
    why: "one tripwire, by the watch alone",
    facts: { sandbox_watch: [watch(), watch({ tripwires: 1 }, "other")] },
    items: [critical("other")],
  },
  {
    id: "CA-09",
    why: "one wall that moved, by both",
    facts: { sandbox_watch: [watch({ drifts: 1 })], audit: [audit("TRUST_BOUNDARY_DRIFT")] },
    of: isolated,
    items: [high("watch", "TRUST_BOUNDARY_DRIFT")],
  },
  {
    id: "CA-09",
    why: "one wall that moved, by the audit alone",
    facts: { sandbox_watch: [watch()], audit: [audit("TRUST_BOUNDARY_DRIFT")] },
    of: isolated,
    items: [high("TRUST_BOUNDARY_DRIFT")],
  },
  {
    id: "CA-09",
    why: "an audit of something else",
    facts: { sandbox_watch: [watch()], audit: [audit("POLICY_REFUSED")] },
    of: isolated,
    items: [pass],
  },

  {
    id: "SAO-02",
    why: "one lease was issued, another revoked",
    facts: {
      agent_process_started: [told("started", {})],
      lease: [told("a", { action: "revoked" }), told("b", { action: "issued" })],
    },
    of: { isAnswered: false },
    items: [fail("started")],
  },
  {
    id: "SAO-02",
    why: "one of two processes was long",
    facts: {
      agent_process_started: [told("started", {})],
      agent_process_exited: [exited(), exited({ duration_ms: 60_001 })],
    },
    of: { isAnswered: false },
    items: [fail("started")],
  },
  {
    id: "SAO-02",
    why: "the same body again is no other exchange",
    facts: {
      llm_request: ["a", "b", "c"].map((hash) => ({
        ...told(hash, {}),
        bodySha256: hash === "c" ? "c" : "a",
      })),
      llm_response: ["a", "b", "c"].map((of) =>
        told(`${of} answered`, { request_event_hash: of, from_upstream: true, status: 200 }),
      ),
    },
    items: [
      { ...pass, events: ["a"] },
      { ...pass, events: ["c"] },
    ],
  },
  {
    id: "SAO-02",
    why: "an upstream that said nothing",
    facts: {
      llm_request: [told("a", {})],
      llm_response: [told("b", { request_event_hash: "a", from_upstream: true, status: 0 })],
    },
    items: [{ ...unknown, events: ["a"] }],
  },

  { id: "SAO-10", why: "a box that held", of: isolated, items: [pass] },
  { id: "SAO-10", why: "no box", items: [unknown] },
  ...["tcp.loopback", "udp.loopback", "internet.dns", "socket.canary", "abstract.canary"].map(
    (id) => ({
      id: "SAO-10",
      why: `a box that let ${id} out`,
      facts: { sandbox_probe: [leaks(id, "denied", "reached")] },
      of: isolated,
      items: [critical("probe")],
    }),
  ),
  ...[
    leaks("tcp.loopback", "denied", "denied"),
    leaks("tcp.loopback", "reached", "reached"),
    leaks("file.vault", "denied", "reached"),
    told("probe", probeOf("leaky")),
    told("probe", probeOf("hardened")),
  ].map((probe, at) => ({
    id: "SAO-10",
    why: `no byte got out (${at})`,
    facts: { sandbox_probe: [probe] },
    of: isolated,
    items: [pass],
  })),
  {
    id: "SAO-10",
    why: "one way out among the checks",
    facts: {
      sandbox_probe: [
        told("probe", {
          checks: [
            { id: "file.vault", expect: "denied", outcome: "denied" },
            { id: "tcp.loopback", expect: "denied", outcome: "reached" },
          ],
        }),
      ],
    },
    items: [critical("probe")],
  },
  {
    id: "SAO-10",
    why: "all connections were signed for",
    facts: { network_connect: [linked(["a", "b"])] },
    of: isolated,
    items: [pass],
  },
  {
    id: "SAO-10",
    why: "one of two connections was not",
    facts: { network_connect: [linked(["a", ""])] },
    of: isolated,
    items: [critical("connect")],
  },

  { id: "RES-06", why: "measured", of: isolated, items: [pass] },
  {
    id: "RES-06",
    why: "declared",
    of: { isDeclared: true },
    facts: { session_seal: [seal()] },
    items: [unknown],
  },
  { id: "RES-06", why: "not sealed", items: [unknown] },
  {
    id: "RES-06",
    why: "not measured, whatever was opened",
    facts: {
      session_seal: [seal()],
      session_open: [told("open", {})],
      sandbox_probe: [told("probe", {})],
    },
    items: [fail("probe")],
  },

  { id: "RES-02", why: "no end was seen", items: [unknown] },
  {
    id: "RES-02",
    why: "two ends",
    facts: { agent_process_exited: [exited(), exited()] },
    items: [unknown],
  },
  {
    id: "RES-02",
    why: "its own end",
    facts: {
      agent_process_exited: [exited()],
      session_seal: [seal()],
      llm_response: [told("answer", { completeness: "complete" })],
    },
    items: [pass],
  },
  {
    id: "RES-02",
    why: "a call, the agent and the session ran out of time",
    facts: {
      agent_process_exited: [exited({ timed_out: true })],
      session_seal: [seal("timeout")],
      llm_response: [told("answer", { completeness: "timeout" })],
    },
    items: [fail("answer", "exit", "seal")],
  },
  {
    id: "RES-02",
    why: "one call of two ran out of time",
    facts: {
      agent_process_exited: [exited()],
      llm_response: [
        told("answer", { completeness: "complete" }),
        told("hung", { completeness: "timeout" }),
      ],
    },
    items: [fail("hung")],
  },

  { id: "CA-12", why: "nothing was said", items: [pass] },
  {
    id: "CA-12",
    why: "no secret anywhere",
    facts: {
      llm_request: [text("request", 0)],
      agent_stdout: [text("stdout", 0)],
      network_connect: [linked(["a"])],
      audit: [audit("POLICY_REFUSED")],
    },
    items: [pass],
  },
  {
    id: "CA-12",
    why: "one secret in each place",
    facts: {
      llm_request: [text("request", 1), text("clean", 0)],
      agent_stdout: [text("stdout", 1)],
      agent_stderr: [text("stderr", 1)],
      network_connect: [linked(["a", "b"], [0, 1])],
      audit: [audit("SECRET_SEEN")],
    },
    items: [critical("request", "stdout", "stderr", "connect", "SECRET_SEEN")],
  },

  {
    id: "LA-05",
    why: "inside its limits",
    facts: { session_open: [limits(1, 5)], agent_process_exited: [exited()] },
    items: [pass],
  },
  {
    id: "LA-05",
    why: "no limit of time",
    facts: { session_open: [limits(1, 0)], agent_process_exited: [exited({ duration_ms: 0 })] },
    items: [fail("open", "exit")],
  },
  {
    id: "LA-05",
    why: "a limit of a millisecond",
    facts: { session_open: [limits(1, 1)], agent_process_exited: [exited({ duration_ms: 1 })] },
    items: [pass],
  },
  {
    id: "LA-05",
    why: "no limit of calls",
    facts: { session_open: [limits(0, 5)], agent_process_exited: [exited()] },
    items: [fail("open", "exit")],
  },
  {
    id: "LA-05",
    why: "a millisecond too long",
    facts: { session_open: [limits(1, 4)], agent_process_exited: [exited()] },
    items: [fail("open", "exit")],
  },
  {
    id: "LA-05",
    why: "stopped by its time",
    facts: {
      session_open: [limits(1, 5)],
      agent_process_exited: [exited({ timed_out: true })],
    },
    items: [fail("open", "exit")],
  },
  {
    id: "LA-05",
    why: "no opening",
    facts: { agent_process_exited: [exited()], llm_request: [told("a", {}), told("b", {})] },
    items: [unknown],
  },
  { id: "LA-05", why: "no end", facts: { session_open: [limits(1, 5)] }, items: [unknown] },
  {
    id: "LA-05",
    why: "the call past the limit and the stop of it",
    facts: {
      session_open: [limits(1, 5)],
      llm_request: [told("a", {}), told("b", {})],
      audit: [audit("SESSION_LIMIT_EXCEEDED"), audit("POLICY_REFUSED")],
    },
    items: [high("SESSION_LIMIT_EXCEEDED", "b")],
  },
  {
    id: "LA-05",
    why: "as many calls as the limit",
    facts: {
      session_open: [limits(2, 5)],
      llm_request: [told("a", {}), told("b", {})],
      agent_process_exited: [exited()],
    },
    items: [pass],
  },

  ...(
    [
      [2, [], []],
      [3, [exited()], [pass]],
      [3, [], [unknown]],
      [3, [exited({ exit_code: 128 })], [fail()]],
      [8, [exited()], [pass]],
      [9, [exited()], [fail("8")]],
      [9, [], [fail("8")]],
    ] as const
  ).map(([count, exits, items]) => ({
    id: "LA-04",
    why: `${count} refusals and ${exits.length} ends`,
    facts: {
      audit: [
        audit("CONFIG_UNSIGNED"),
        ...Array.from({ length: count }, (_, at) =>
          audit(
            [
              "POLICY_REFUSED",
              "BUDGET_EXCEEDED",
              "NETWORK_EGRESS_BLOCKED",
              "GATEWAY_REQUEST_REFUSED",
              "SESSION_LIMIT_EXCEEDED",
            ][at % 5]!,
            `${at}`,
          ),
        ),
      ],
      agent_process_exited: exits,
    },
    items,
  })),
  ...[
    "POLICY_REFUSED",
    "BUDGET_EXCEEDED",
    "NETWORK_EGRESS_BLOCKED",
    "GATEWAY_REQUEST_REFUSED",
    "SESSION_LIMIT_EXCEEDED",
  ].map((code) => ({
    id: "LA-04",
    why: `three times ${code}`,
    facts: {
      audit: ["a", "b", "c"].map((hash) => audit(code, hash)),
      agent_process_exited: [exited()],
    },
    items: [pass],
  })),

  { id: "SK-02", why: "no check here, and one elsewhere", items: [unknown] },
  {
    id: "SK-02",
    why: "no check here, and none elsewhere",
    of: { window: { isAnswered: true, isChecked: false } },
    items: [],
  },
  {
    id: "SK-02",
    why: "no check of an agent that never ran",
    of: { mayHaveRun: false },
    items: [],
  },
  {
    id: "SK-02",
    why: "checked, and none elsewhere",
    facts: { outcome: [outcome("a")] },
    of: { window: { isAnswered: true, isChecked: false } },
    items: [{ ...pass, events: ["a"] }],
  },
  {
    id: "SK-02",
    why: "passed without a model",
    facts: { outcome: [outcome("a")] },
    of: { isServed: false },
    items: [{ ...unknown, events: ["a"] }],
  },
  {
    id: "SK-02",
    why: "one of two failed, one did not end",
    facts: {
      outcome: [outcome("a"), outcome("b", { passed: false }), outcome("c", { timed_out: true })],
    },
    items: [fail("b", "c")],
  },
])("$id: $why", ({ id, facts = {}, of = {}, items }) => {
  expect(judged(id, { ...sessionOf(facts), ...of })).toEqual(items)
})

interface Call {
  readonly provider: string
  readonly upstream?: string
  readonly status?: number
  readonly completeness?: string
  readonly isOwn?: boolean
}

const down = { provider: "a", status: 503 }
const up = { provider: "b", status: 200 }

/** Calls one after another, each with its answer. */
function callsOf(calls: readonly Call[]): Facts {
  const requests = calls.map(({ provider, upstream = provider }, at) =>
    told(`asked ${at}`, { provider, upstream }, 2 * at),
  )
  const responses = calls.map(({ status = 0, completeness = "complete", isOwn = false }, at) =>
    told(
      `answer ${at}`,
      { request_event_hash: `asked ${at}`, status, completeness, from_upstream: !isOwn },
      2 * at + 1,
    ),
  )
  return { llm_request: requests, llm_response: responses }
}

test.each<{
  why: string
  calls: readonly Call[]
  exits?: readonly object[]
  items: readonly object[]
}>([
  { why: "one failure", calls: [down, up], items: [] },
  { why: "it came back", calls: [down, down, { ...down, status: 200 }, up], items: [] },
  {
    why: "it came back and failed again",
    calls: [down, { ...down, status: 299 }, down, down, up],
    items: [{ ...pass, events: ["answer 3"] }],
  },
  {
    why: "on with another",
    calls: [down, down, down, up],
    items: [{ ...pass, events: ["answer 2"] }],
  },
  {
    why: "once before it came back and once after",
    calls: [down, { ...down, status: 200 }, down, up],
    items: [],
  },
  {
    why: "refused between two failures",
    calls: [down, { ...down, status: 404 }, down, up],
    items: [{ ...pass, events: ["answer 2"] }],
  },
  {
    why: "another name of the same upstream",
    calls: [down, down, { ...up, upstream: "a" }],
    items: [],
  },
  { why: "it stopped", calls: [down, down], items: [] },
  { why: "the other had answered before", calls: [up, down, down], items: [] },
  { why: "the other failed too", calls: [down, down, { ...up, status: 300 }], items: [] },
  { why: "the gateway answered", calls: [down, down, { ...up, isOwn: true }], items: [] },
  { why: "the other said less than 200", calls: [down, down, { ...up, status: 199 }], items: [] },
  {
    why: "on with another between two losses",
    calls: [down, down, up, { ...down, provider: "c" }, { ...down, provider: "c" }],
    items: [],
  },
  {
    why: "both lost, on with a third",
    calls: [down, down, { ...down, provider: "c" }, { ...down, provider: "c" }, up],
    items: [{ ...pass, events: ["answer 1", "answer 3"] }],
  },
  {
    why: "hung",
    calls: [down, down, up],
    exits: [exited({ timed_out: true })],
    items: [fail("answer 1")],
  },
  { why: "no end was seen", calls: [down, down, up], exits: [], items: [unknown] },
  {
    why: "refused is not lost",
    calls: [{ ...down, status: 400 }, down, { ...down, status: 499 }, up],
    items: [],
  },
  {
    why: "an error of the gateway's own",
    calls: [...[down, down].map((each) => ({ ...each, isOwn: true })), up],
    items: [],
  },
  ...["upstream-unreachable", "upstream-cut", "timeout"].map((completeness) => ({
    why: completeness,
    calls: [{ provider: "a", completeness }, { provider: "a", completeness, isOwn: true }, up],
    items: [{ ...pass, events: ["answer 1"] }],
  })),
  {
    why: "500 is a failure",
    calls: [
      { ...down, status: 500 },
      { ...down, status: 500 },
      { ...up, status: 299 },
    ],
    items: [{ ...pass, events: ["answer 1"] }],
  },
])("RES-10: a provider that is lost: $why", ({ calls, exits = [exited()], items }) => {
  const session = sessionOf({ ...callsOf(calls), agent_process_exited: exits })
  expect(judged("RES-10", session)).toEqual(items)
})

test("RES-10: an answer to no request is nobody's", () => {
  const { llm_response: answers = [] } = callsOf([down, down])
  expect(judged("RES-10", sessionOf({ llm_response: answers }))).toEqual([])
})

function lease(action: string, days: number, expires = 0, id = "l"): object {
  const measured = { action, lease_id: id, expires_ms: expires * day }
  return told(`${action} ${days}`, measured, 0, days * day)
}

test.each<{
  why: string
  leases: readonly object[]
  window?: Partial<MeasuredWindow>
  days: readonly (readonly [number, string, string])[]
}>([
  { why: "no lease", leases: [], days: [] },
  {
    why: "nothing was answered",
    leases: [lease("issued", 0)],
    window: { isAnswered: false },
    days: [],
  },
  {
    why: "a lease of two days, used on the first",
    leases: [lease("issued", 0, 1)],
    days: [
      [0, "pass", "seen"],
      [1, "fail", "issued 0"],
    ],
  },
  {
    why: "the session was not seen whole",
    leases: [lease("issued", 0)],
    window: { sessions: [seenOf({ isSeenWhole: false })] },
    days: [[0, "fail", "issued 0"]],
  },
  {
    why: "it is revoked before it ends",
    leases: [lease("issued", 0, 3), lease("revoked", 1), lease("revoked", 2, 0, "another")],
    days: [
      [0, "pass", "seen"],
      [1, "fail", "issued 0"],
    ],
  },
  {
    why: "it ends after the window",
    leases: [lease("issued", 2, 9)],
    days: [
      [2, "fail", "issued 2"],
      [3, "fail", "issued 2"],
    ],
  },
  {
    why: "it began before what is looked at",
    leases: [lease("issued", 0, 2)],
    window: { lookMs: day + 1 },
    days: [
      [1, "fail", "issued 0"],
      [2, "fail", "issued 0"],
    ],
  },
  {
    why: "it ended as the look begins",
    leases: [lease("issued", 0, 1)],
    window: { lookMs: day },
    days: [[1, "fail", "issued 0"]],
  },
  {
    why: "it ended before what is looked at",
    leases: [lease("issued", 0, 1)],
    window: { lookMs: day + 1 },
    days: [],
  },
  {
    why: "what was revoked alone was never in force",
    leases: [lease("revoked", 0)],
    days: [],
  },
])("SAO-11: $why", ({ leases, window, days }) => {
  const own = (() => leases) as unknown as MeasuredWindow["own"]
  const found = spansOf("SAO-11", { own, ...window })
  expect(
    found.map(({ session, items }) => [session.day, items[0]?.outcome, session.lastHash]),
  ).toEqual(days)
  for (const { session, tier, items } of found) {
    expect(items).toHaveLength(1)
    expect(tier).toBe("OBSERVED")
    expect([session.firstMs, session.lastMs]).toEqual([session.day * day, session.day * day])
  }
})

/** The facts whose tier is a unit's: with one less, what was only reported could count as observed. */
test.each([
  ["SAO-02", ["llm_request", "llm_response"]],
  ["SAO-08", ["vault_generation", "session_open", "audit"]],
  ["SAO-10", ["sandbox_probe", "network_connect"]],
  ["SAO-11", ["lease", "llm_response", "session_seal"]],
  ["LA-04", ["audit", "agent_process_exited"]],
  ["LA-05", ["llm_request", "agent_process_exited"]],
  ["LA-06", ["outcome", "agent_process_exited"]],
  ["CA-09", ["sandbox_watch"]],
  ["CA-12", ["llm_request", "agent_stdout", "agent_stderr", "network_connect"]],
  ["RES-01", ["llm_request", "llm_response"]],
  ["RES-02", ["llm_response", "agent_process_exited"]],
  ["RES-06", ["sandbox_probe"]],
  ["RES-09", ["agent_process_exited"]],
  ["RES-10", ["llm_request", "llm_response", "agent_process_exited"]],
  ["SK-02", ["outcome"]],
])("%s is decided on %s", (id, reads) => {
  expect(indicators.get(id)?.reads).toEqual(reads)
})
