import { expect, test } from "vitest"
import type { JudgedSession } from "./judged-session.ts"
import { lossesOf, trustOf } from "./trust.ts"
import type { Window } from "./window.ts"

const whole = {
  mayHaveRun: true,
  isIsolated: true,
  isDeclared: false,
  isClosed: true,
  isSealed: true,
  lastMs: 10,
  providers: [],
}
const exposed = { ...whole, isIsolated: false }
const declared = { ...exposed, isDeclared: true }
const idle = { ...exposed, mayHaveRun: false }
const open = { ...exposed, isClosed: false, isSealed: false }
const loopback = (...each: readonly boolean[]): object => ({
  ...whole,
  providers: each.map((one) => ({ provider: "p", upstream: "u", loopback: one })),
})
const file = (isInvalid: boolean): object => ({ path: "p", isInvalid })
const traces = (calls: number, correlated: number, no_receipt: number = 0): object => ({
  calls,
  correlated,
  no_receipt,
})

const broken = { subject: "s", detail: "d" }

function windowOf(change: object): Window {
  const nothing = { gaps: 0, violations: [], brokenFiles: [], traces: null }
  return { fromMs: 10, sessions: [whole], ...nothing, ...change } as unknown as Window
}

test.each<{
  window: object
  missing?: number
  lost: readonly (readonly [string, number, number])[]
}>([
  { window: {}, lost: [] },
  { window: {}, missing: 2, lost: [["missing", 2, 100]] },
  { window: { violations: [broken, broken] }, lost: [["violation", 2, 100]] },
  { window: { sessions: [] }, lost: [["nothing", 1, 60]] },
  { window: { sessions: [{ ...whole, lastMs: 9 }] }, lost: [["nothing", 1, 60]] },
  { window: { sessions: [idle] }, lost: [["nothing", 1, 60]] },
  { window: { sessions: [whole, idle] }, lost: [] },
  { window: { sessions: [whole, { ...idle, isDeclared: true }] }, lost: [] },
  { window: { sessions: [whole, exposed, exposed] }, lost: [["shared", 2, 60]] },
  { window: { sessions: [declared, declared] }, lost: [["declared", 2, 20]] },
  { window: { brokenFiles: [file(true), file(true)] }, lost: [["invalidFile", 2, 40]] },
  {
    window: { brokenFiles: [file(true), file(false), file(false)] },
    lost: [
      ["invalidFile", 1, 40],
      ["unsignedFile", 2, 20],
    ],
  },
  { window: { gaps: 1 }, lost: [["gap", 1, 10]] },
  { window: { gaps: 4 }, lost: [["gap", 4, 30]] },
  { window: { traces: traces(100, 99) }, lost: [["traceForged", 1, 10]] },
  {
    window: { traces: traces(9, 5) },
    lost: [
      ["traceForged", 4, 30],
      ["traceLow", 1, 10],
    ],
  },
  { window: { traces: traces(2, 1, 1) }, lost: [["traceLow", 1, 10]] },
  { window: { traces: traces(2, 2) }, lost: [] },
  { window: { sessions: [{ ...whole, isSealed: false }] }, lost: [["unsealed", 1, 10]] },
  {
    window: { sessions: Array.from({ length: 5 }, () => ({ ...whole, isSealed: false })) },
    lost: [["unsealed", 5, 40]],
  },
  { window: { sessions: [loopback(false, true)] }, lost: [["loopbackUpstream", 1, 10]] },
  {
    window: { sessions: [loopback(true), loopback(true)] },
    lost: [["loopbackUpstream", 2, 10]],
  },
  { window: { sessions: [loopback(false)] }, lost: [] },
  { window: { sessions: [loopback()] }, lost: [] },
])("$window with $missing missing loses $lost", ({ window, missing = 0, lost }) => {
  const losses = lossesOf(windowOf(window), missing)
  const told = losses.map(({ fact, count, points }) => [fact, count, points])
  expect(told).toEqual([...lost, ["unwitnessed", 1, 10]])
  const points = losses.reduce((sum, each) => sum + each.points, 0)
  expect(trustOf(windowOf(window), missing).integrity_index).toBe(Math.max(100 - points, 0))
})

test.each<{ window: object; missing?: number; is: object }>([
  { window: { brokenFiles: [file(true)] }, is: { trust_label: "LOW TRUST", integrity_index: 50 } },
  {
    window: { brokenFiles: [file(true)], gaps: 1 },
    is: { status: "VALID", trust_label: "UNRELIABLE", integrity_index: 40 },
  },
  {
    window: { sessions: [whole, whole] },
    is: {
      posture: "measured",
      status_reasons: [
        "the monitor measured in each of 2 sessions that the agent could not reach its keys",
      ],
    },
  },
  {
    window: { sessions: [whole, declared] },
    is: {
      status: "VALID",
      posture: "declared",
      status_reasons: [
        "in 1 of 2 sessions only the owner's signed config says that the agent could not reach the monitor's keys; nothing measured it",
      ],
    },
  },
  {
    window: { sessions: [whole, exposed, open, open] },
    is: {
      status: "INVALID",
      posture: "shared",
      trust_label: "UNRELIABLE",
      status_reasons: [
        "the agent ran where it could reach the monitor's keys: 1 of 4 sessions had no isolation that was measured",
        "nothing shows that the agent was kept from the monitor's keys to the end: 2 of 4 sessions were not sealed by the monitor that opened it",
      ],
    },
  },
  {
    window: { sessions: [open, idle] },
    is: {
      status_reasons: [
        "nothing shows that the agent was kept from the monitor's keys to the end: 1 of 1 session was not sealed by the monitor that opened it",
      ],
    },
  },
  {
    window: { sessions: [] },
    missing: 1,
    is: {
      posture: "shared",
      status_reasons: [
        "the evidence is not complete: 1 of the events that the run names are missing",
        "nothing was captured in the window",
      ],
    },
  },
  {
    window: { violations: [{ subject: "s".repeat(129), detail: "d".repeat(257) }] },
    is: {
      status_reasons: [`the trust boundary was violated in ${"s".repeat(128)}: ${"d".repeat(256)}`],
    },
  },
  {
    window: { violations: ["a", "b"].map((subject) => ({ subject, detail: "d" })) },
    is: {
      status_reasons: ["the trust boundary was violated in a: d, and 1 other like it"],
    },
  },
  {
    window: { violations: ["a", "b", "c"].map((subject) => ({ subject, detail: "d" })) },
    is: {
      status_reasons: ["the trust boundary was violated in a: d, and 2 others like it"],
    },
  },
])("$window with $missing missing is $is", ({ window, missing = 0, is }) => {
  expect(trustOf(windowOf(window), missing)).toMatchObject(is)
})

test("a session that only lies before the window is looked back on, and is no evidence of it", () => {
  const before = { ...whole, lastMs: 9 } as unknown as JudgedSession
  expect(trustOf(windowOf({ sessions: [before] }), 0)).toMatchObject({
    status: "INVALID",
    posture: "measured",
  })
})
