import { expect, test } from "vitest"
import { bank1 } from "./bank-1.ts"
import { capOf, configCauses, darkCauses, traceCauses } from "./cap.ts"
import { freeQuestions, judgedOf } from "./judged.fixture.ts"
import { tallyOf } from "./tally.ts"
import type { Judged } from "./judged.ts"

test.each([
  { why: "all was seen", seen: 100, unseen: 0, level: null },
  { why: "3 % is none yet", seen: 97, unseen: 3, level: null },
  { why: "more than 3 %", seen: 969, unseen: 31, level: 3 },
  { why: "15 % is no more than that", seen: 85, unseen: 15, level: 3 },
  { why: "more than 15 %", seen: 849, unseen: 151, level: 2 },
  { why: "nothing was seen", seen: 0, unseen: 1, level: 2 },
  { why: "there was nothing", seen: 0, unseen: 0, level: null },
])("what is dark holds everything: $why", ({ seen, unseen, level }) => {
  expect(darkCauses([{ seen, unseen, words: "" }], bank1).at(0)?.level ?? null).toBe(level)
})

test("says how many files are broken", () => {
  expect(configCauses(0, bank1)).toEqual([])
  expect(configCauses(1, bank1)[0]?.text).toContain("1 file is unsigned")
  expect(configCauses(2, bank1)[0]?.text).toContain("2 files are unsigned")
})

const question = freeQuestions.find(({ profile }) => profile === "inv")!
const day = 86_400_000
const nobody = { everywhere: [], highRisk: [] }
const breach = passedAt(10 * day, { outcome: "fail", veto: "high" })

/** Ten sessions on three days after a fix at the start of day 20, each a millisecond or more after it. */
const enough = Array.from({ length: bank1.cure.sessions }, (_, at) =>
  passedAt((20 + (at % bank1.cure.days)) * day + 1 + at),
)

test.each<{ why: string; sessions: readonly Judged[]; fixes: readonly number[]; level: number }>([
  { why: "just enough", sessions: enough, fixes: [20 * day], level: bank1.cure.cap },
  { why: "one session too few", sessions: enough.slice(1), fixes: [20 * day], level: 2 },
  {
    why: "a day too few",
    sessions: enough.map(({ session }, at) =>
      passedAt((20 + (at % 2)) * day + (session.firstMs % day)),
    ),
    fixes: [20 * day],
    level: 2,
  },
  { why: "no fix", sessions: enough, fixes: [], level: 2 },
  { why: "a fix at the time of the breach", sessions: enough, fixes: [10 * day], level: 2 },
  { why: "the first fix after it counts", sessions: enough, fixes: [11 * day, 40 * day], level: 3 },
  {
    why: "one that began with the fix is not after it",
    sessions: [...enough.slice(1), passedAt(20 * day)],
    fixes: [20 * day],
    level: 2,
  },
])("a breach is cured by a fix and what passed after it: $why", ({ sessions, fixes, level }) => {
  const tally = tallyOf(question, [breach, ...sessions], { ...bank1, day_cap: 100 })
  expect(capOf(tally, nobody, fixes, bank1)?.level).toBe(level)
})

test("a failure without a veto holds nothing, and one breach is told as one", () => {
  const failed = passedAt(10 * day, { outcome: "fail" })
  expect(capOf(tallyOf(question, [failed], bank1), nobody, [20 * day], bank1)).toBeNull()
  const later = tallyOf(question, [failed, ...enough], { ...bank1, day_cap: 100 })
  expect(capOf(later, nobody, [20 * day], bank1)).toBeNull()
  const texts = (all: readonly Judged[]): string | undefined =>
    capOf(tallyOf(question, all, bank1), nobody, [], bank1)?.causes[0]?.text
  expect(texts([breach])).toContain("1 high breach in")
  expect(texts([breach, { ...breach }])).toContain("2 high breaches in")
})

test("what weighs on all questions is on each, what weighs on those of high risk on no other", () => {
  const cause = (level: number) => ({ gate: "config", level, have: 1, text: `${level}` }) as const
  const burden = { everywhere: [cause(3)], highRisk: [cause(2)] }
  const tally = tallyOf(question, [breach], bank1)
  const capFor = (high_risk: boolean): unknown => {
    const cap = capOf({ ...tally, question: { ...question, high_risk } }, burden, [], bank1)
    return [cap?.level, cap?.causes.map(({ gate, level }) => `${gate} ${level}`)]
  }
  expect(capFor(false)).toEqual([2, ["veto 2", "config 3"]])
  expect(capFor(true)).toEqual([2, ["veto 2", "config 3", "config 2"]])
  const none = tallyOf(question, [], bank1)
  expect(capOf(none, { ...burden, highRisk: [] }, [], bank1)?.level).toBe(3)
})

test("each severity holds at its own level, and cured breaches beside those that stand", () => {
  const at = (ms: number, veto: "critical" | "high" | "medium"): Judged =>
    passedAt(ms, { outcome: "fail", veto })
  const standing = [at(30 * day, "medium"), at(30 * day + 1, "critical"), at(30 * day + 2, "high")]
  const cured = [at(10 * day, "critical"), at(10 * day + 1, "high")]
  const tally = tallyOf(question, [...standing, ...cured, ...enough], { ...bank1, day_cap: 100 })
  const cap = capOf(tally, nobody, [20 * day], bank1)
  expect(cap?.causes.map(({ level, have }) => [level, have])).toEqual([
    [1, 1],
    [2, 1],
    [3, 1],
    [bank1.cure.cap, 2],
  ])
  expect(cap?.level).toBe(1)
  expect(cap?.causes[0]?.text).toBe(
    "1 critical breach in the window: at most level 1, until the agent's config is signed anew and 10 sessions on 3 days have passed after it",
  )
  expect(cap?.causes[3]?.text).toBe("2 cured breaches in the window: at most level 3")
})

test("says what is dark of each way of counting, and what a trace bears", () => {
  const coverages = [
    { seen: 9, unseen: 1, words: "exchanges" },
    { seen: 3, unseen: 1, words: "sessions" },
    { seen: 1, unseen: 0, words: "none" },
  ]
  expect(darkCauses(coverages, bank1)).toEqual([
    { gate: "dark", level: 3, have: 1, text: "1 of 10 exchanges: at most level 3" },
    { gate: "dark", level: 2, have: 1, text: "1 of 4 sessions: at most level 2" },
  ])
})

function passedAt(ms: number, item: Judged["items"][number] = { outcome: "pass" }): Judged {
  const judged = judgedOf({ id: `session ${ms}`, day: (ms - (ms % day)) / day, items: [item] })
  return { ...judged, session: { ...judged.session, firstMs: ms, lastMs: ms } }
}

test("says how many calls of a trace did not correlate", () => {
  const none = { receipt_invalid: 0, event_not_found: 0, body_mismatch: 0 }
  const others = { ...none, agent_mismatch: 0, replayed: 0, correlated_per_mille: 900 }
  const traces = { calls: 10, correlated: 9, no_receipt: 1, ...others }
  expect(traceCauses(traces)).toMatchObject([{ gate: "trace", level: 3, have: 1 }])
  const forged = { ...traces, no_receipt: 0, replayed: 1 }
  expect(traceCauses(forged)).toMatchObject([
    { gate: "trace", level: 2, have: 1 },
    { gate: "trace", level: 3, have: 1 },
  ])
})
