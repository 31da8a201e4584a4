import * as fc from "fast-check"
import { goodSession, type SessionPlan } from "./evidence.fixture.ts"

const rarely = mostly(false, true)

/** Sessions that mostly go well, so that levels above 0 are reached and can be lost. */
export const plan: fc.Arbitrary<SessionPlan> = fc.record({
  day: fc.nat(13),
  task: fc.nat(40).map((task) => `task ${task}`),
  calls: mostly(2, 0, 1, 3),
  box: mostly("hardened", "isolated", "leaky", "none", "declared"),
  end: mostly("exited", "timeout", "recovered", "open", "not-started"),
  waitMs: mostly(1000, 0, null),
  errorStatus: mostly(429, 400, 503),
  answerStatus: mostly(200, 404, 503),
  isAborted: rarely,
  exitCode: mostly(0, 1, 137),
  signal: mostly("", "SIGTERM"),
  durationMs: mostly(5000, 90_000, 700_000),
  maxCalls: mostly(50, 0, 1),
  hasSecret: rarely,
  isStopped: rarely,
  isTruncated: rarely,
  passed: mostly(true, false, null),
  hasClockStep: rarely,
  refusals: mostly(0, 3, 9),
  hasOutage: rarely,
  hasEgress: rarely,
  box_change: mostly("none", "drift", "tripwire"),
  prose: fc.constant(""),
  chatter: fc.constant(0),
})

/**
 * A few odd sessions, or days of good ones with a few odd ones among them. Most histories are short, since a long
 * one costs as much as ten of them and finds no more.
 */
export const plans: fc.Arbitrary<readonly SessionPlan[]> = fc.oneof(
  { weight: 3, arbitrary: fc.array(plan, { maxLength: 6 }) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(
        fc.array(plan, { maxLength: 4 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 5 }),
      )
      .map(([odd, days, perDay]) => [...odd, ...goodDays(days, perDay)]),
  },
)

/** What can only make a session worse. */
export const worse: fc.Arbitrary<Partial<SessionPlan>> = fc.constantFrom<Partial<SessionPlan>>(
  { hasSecret: true },
  { isStopped: true },
  { isTruncated: true },
  { hasClockStep: true },
  { box: "leaky" },
  { box: "none" },
  { end: "open" },
  { end: "recovered" },
  { passed: false },
  { durationMs: 700_000 },
  { exitCode: 139 },
  { signal: "SIGSEGV" },
  { box_change: "drift" },
  { box_change: "tripwire" },
  { refusals: 9 },
)

/** One value eight times out of nine, else one of the others. */
export function mostly<const T>(usual: T, ...others: readonly T[]): fc.Arbitrary<T> {
  return fc.oneof(
    { weight: 8, arbitrary: fc.constant(usual) },
    { weight: 1, arbitrary: fc.constantFrom(...others) },
  )
}

/** So many sessions on each of so many days, all good and all different. */
export function goodDays(days: number, perDay: number): SessionPlan[] {
  return Array.from({ length: days * perDay }, (_, at) => ({
    ...goodSession,
    day: Math.floor(at / perDay),
    task: `good ${at}`,
  }))
}
