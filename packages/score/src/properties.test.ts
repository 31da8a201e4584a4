import { encodeEvent, type Event } from "@amc/core"
import * as fc from "fast-check"
import { expect, test } from "vitest"
import { cases } from "./cases.fixture.ts"
import {
  goodSession,
  type Recording,
  record,
  type SessionPlan,
  type Story,
} from "./evidence.fixture.ts"
import {
  beginScore,
  currentBank,
  encodeReport,
  type EvidenceEvent,
  type Report,
  scoreRun,
} from "./index.ts"
import { gatesOf, type Question } from "./v1/bank.ts"
import { goodDays, mostly, plan, plans, worse } from "./story.fixture.ts"
import { rankOf } from "./v1/question.ts"
import { isOfDays, ofLevel } from "./v1/reachable.ts"

const prose = fc.string({ unit: "binary", maxLength: 60 }).filter((text) => text.isWellFormed())

test("a plausible recording breaks no schema", () => {
  fc.assert(
    fc.property(plans, (sessions) => {
      for (const { event } of record({ sessions }).events) encodeEvent(event)
    }),
    { numRuns: 20 },
  )
})

test("P21: the sessions that are tried here reach every level that is reachable", () => {
  const eventful = { hasOutage: true, refusals: 3, hasEgress: true }
  const sessions = goodDays(14, 8).map((each) => ({ ...each, ...eventful }))
  const { questions } = scoreRun(record({ sessions, endDay: 13 }))
  expect(questions.map(({ id, level }) => [id, level])).toEqual(
    questions.map(({ id, reachable }) => [id, reachable]),
  )
})

test("P1: no session that passes nothing of a question raises its level", () => {
  fc.assert(
    fc.property(plans, plan, (sessions, extra) => {
      const alone = byId(report([extra]))
      const before = byId(report(sessions))
      const after = byId(report([...sessions, extra]))
      const isSeen = alone.get(currentBank.dark_question)!.units.k > 0
      for (const [id, question] of alone) {
        const [was, is] = [before.get(id)!, after.get(id)!]
        // It passed what the cap is about: less of all that there is lies in the dark (games.test.ts).
        const isLighter = isSeen && darkCapOf(is) > darkCapOf(was)
        // The monitor that began the session looked at the config, whatever came of the session.
        if (question.kind !== "time" && question.units.k === 0 && !isLighter)
          expect(rankOf(is.level)).toBeLessThanOrEqual(rankOf(was.level))
      }
    }),
    cases,
  )
})

test("P3: nothing that goes worse in a session raises any level", () => {
  fc.assert(
    fc.property(plans, fc.nat(), worse, (sessions, at, change) => {
      const index = sessions.length === 0 ? 0 : at % sessions.length
      const before = sessions.map((each, place) =>
        place === index ? worsenable(each, change) : each,
      )
      const after = before.map((each, place) => (place === index ? { ...each, ...change } : each))
      expectNoneRaised(report(before), report(after))
    }),
    cases,
  )
})

test("nothing that is only declared isolated is worth more than if it had been measured", () => {
  fc.assert(
    fc.property(plans, fc.nat(), (sessions, at) => {
      const index = sessions.length === 0 ? 0 : at % sessions.length
      // Without a box there is no watch of it that could find anything.
      const boxed = (box: "isolated" | "declared"): Report =>
        report(
          sessions.map((each, place) =>
            place === index ? { ...each, box, box_change: "none" } : each,
          ),
        )
      const [measured, declared] = [boxed("isolated"), boxed("declared")]
      expectNoneRaised(measured, declared)
      expect(declared.integrity_index).toBeLessThanOrEqual(measured.integrity_index)
      expect(declared.trust_label).not.toBe("HIGH TRUST")
      if (sessions.length > 0 && sessions[index]?.end !== "not-started")
        expect(declared.posture).not.toBe("measured")
    }),
    cases,
  )
})

test("an agent that hangs up on its own calls hides no failure", () => {
  fc.assert(
    fc.property(plans, fc.nat(), (sessions, at) => {
      const index = sessions.length === 0 ? 0 : at % sessions.length
      const aborted = sessions.map((each, place) =>
        place === index ? { ...each, isAborted: true } : each,
      )
      const [before, after] = [byId(report(sessions)), byId(report(aborted))]
      for (const [id, question] of before) {
        // A call that was never answered can't be retried too early, nor is a provider seen to fail.
        if (id === "RES-01" || id === "RES-10") continue
        expect(rankOf(after.get(id)!.level)).toBeLessThanOrEqual(rankOf(question.level))
        // Of the exchanges, those that are not seen are missed as well; a window without any answer asks for none.
        if (id !== "SAO-02" && id !== "SAO-11")
          expect(failuresOf(after.get(id)!)).toBeGreaterThanOrEqual(failuresOf(question))
      }
    }),
    cases,
  )
})

test("P13: no event that is left out raises any level", () => {
  fc.assert(
    fc.property(plans, fc.nat(), (sessions, at) => {
      const recording = record({ sessions })
      const left = at % (recording.events.length - 1 || 1)
      const events = recording.events.filter(
        (each, place) => place !== left || each.hash === recording.runOpened,
      )
      expectNoneRaised(scoreRun(recording), scoreRun({ ...recording, events }))
    }),
    cases,
  )
})

test("P6: evidence that only grows older raises no level", () => {
  fc.assert(
    fc.property(plans, fc.integer({ min: 1, max: 60 }), (sessions, days) => {
      const later = scoreRun(record({ sessions, endDay: 13 + days }))
      expectNoneRaised(report(sessions), later)
    }),
    cases,
  )
})

test("P2, P10: a good session more lowers no question, so leaving one out raises none", () => {
  fc.assert(
    fc.property(plans, fc.nat(13), (sessions, day) => {
      // Whether anything was answered and checked at all is decided by the first.
      const before = [goodSession, ...sessions]
      const after = [...before, { ...goodSession, day, task: "one more" }]
      expectNoneRaised(report(after), report(before))
    }),
    cases,
  )
})

test("P7: evidence that lies some days elsewhere gives the same levels", () => {
  fc.assert(
    fc.property(plans, fc.integer({ min: -9000, max: 9000 }), (sessions, days) => {
      const recording = record({ sessions })
      const events = recording.events.map((each) => movedBy(each, days * 86_400_000))
      expect(withoutTimes(scoreRun({ ...recording, events }))).toEqual(
        withoutTimes(scoreRun(recording)),
      )
    }),
    cases,
  )
})

test("a shorter window raises no level: what failed before it counts all the same (S5)", () => {
  fc.assert(
    fc.property(plans, fc.integer({ min: 1, max: 14 }), (sessions, days) => {
      const [whole, cut] = [14, days].map((each) =>
        scoreRun(record({ sessions, endDay: 13, windowDays: each })),
      ) as [Report, Report]
      expectNoneRaised(whole, cut)
    }),
    cases,
  )
})

test("P4, P17: order and repetition of the events change no byte", () => {
  fc.assert(
    fc.property(plans, fc.infiniteStream(fc.nat()), (sessions, numbers) => {
      const recording = record({ sessions, claims: claimsOf(5) })
      const events = [...recording.events, ...recording.events.filter((_, at) => at % 3 === 0)]
      const shuffled = events.map((each) => ({ each, at: numbers.next().value }))
      shuffled.sort((a, b) => a.at - b.at)
      expect(bytesOf({ ...recording, events: shuffled.map(({ each }) => each) })).toEqual(
        bytesOf(recording),
      )
    }),
    cases,
  )
})

test("P17: a run that is told event by event, and never held, has the same bytes", () => {
  fc.assert(
    fc.property(plans, fc.integer({ min: 1, max: 14 }), fc.nat(), (sessions, windowDays, at) => {
      const recording = record({ sessions, windowDays, claims: claimsOf(4) })
      const { runOpened } = recording
      const opened = recording.events.find(({ hash }) => hash === runOpened)!
      // One is left out now and then: then the report says so.
      const events = recording.events.filter(
        (each, place) => each === opened || place !== at % (2 * recording.events.length),
      )
      const run = beginScore(opened)
      for (const each of events) run.look(each)
      for (const each of events) run.take(each)
      expect(new TextDecoder().decode(encodeReport(run.report()))).toBe(
        bytesOf({ events, runOpened }),
      )
    }),
    cases,
  )
})

test("P20: whatever is reported changes nothing but what is claimed", () => {
  const text = fc.oneof(
    prose,
    fc.constantFrom("SAO-02 level 5", "all tests passed", "__proto__", "OBSERVED_HARDENED"),
  )
  fc.assert(
    fc.property(plans, text, fc.nat(9), (sessions, said, level) => {
      const recording = record({ sessions, claims: claimsOf(level) })
      const events = recording.events.map((each) => ({
        ...each,
        event: withReported(each.event, said, level),
      }))
      expect(withoutClaims(scoreRun({ ...recording, events }))).toEqual(
        withoutClaims(scoreRun(recording)),
      )
    }),
    cases,
  )
})

test("no level is higher than its counted evidence, its cap and what is reachable", () => {
  fc.assert(
    fc.property(plans, (sessions) => {
      for (const { id, level, units, cap, reachable } of report(sessions).questions) {
        const question = allQuestions.find((each) => each.id === id)!
        const gates = gatesOf(question, currentBank)
        if (level === "U" || level === 0) continue
        expect(units.k).toBeGreaterThanOrEqual(ofLevel(gates.units, level))
        if (!isOfDays(question))
          expect(units.sessions).toBeGreaterThanOrEqual(ofLevel(gates.sessions, level))
        expect(units.days).toBeGreaterThanOrEqual(ofLevel(gates.days, level))
        expect(level).toBeLessThanOrEqual(cap?.level ?? 5)
        expect(level).toBeLessThanOrEqual(reachable)
      }
    }),
    cases,
  )
})

test("what is said to be missing is missing, and the first of it binds", () => {
  fc.assert(
    fc.property(plans, (sessions) => {
      for (const { level, missing, binding_gate } of report(sessions).questions) {
        expect(binding_gate).toBe(missing[0]?.gate ?? null)
        expect(missing.length > 0).toBe(level !== 5)
        for (const { gate, have, need } of missing)
          if (!isCeiling(gate)) expect(have).toBeLessThan(need)
      }
    }),
    cases,
  )
})

test("P20: a silent agent and one that prints every word of the bank get equal levels", () => {
  const words = JSON.stringify(currentBank).slice(0, 200)
  fc.assert(
    fc.property(plans, fc.integer({ min: 1, max: 5 }), (sessions, chatter) => {
      const chatty = sessions.map((each) => ({ ...each, chatter, prose: words }))
      expect(levelsOf(report(chatty))).toEqual(levelsOf(report(sessions)))
    }),
    cases,
  )
})

test("P24: an agent that does nothing and claims level 5 gets U everywhere, and both are shown", () => {
  const idle = fc.record({
    day: fc.nat(13),
    task: fc.string(),
    box: mostly("hardened", "isolated"),
    exitCode: mostly(0, 1),
  })
  fc.assert(
    fc.property(fc.array(idle, { maxLength: 12 }), (sessions) => {
      const idling = sessions.map((each) => ({ ...each, calls: 0, passed: null }))
      const { questions, overall, layers, claim_gap } = scoreRun(
        record({ sessions: idling, claims: claimsOf(5) }),
      )
      // Nobody checked what it did, which is known without any exposure.
      for (const { id, level, claimed } of questions)
        expect([id, level, claimed]).toEqual([id, id === "LA-06" && level === 0 ? 0 : "U", 5])
      for (const { level } of layers) expect(level === "U" || level === 0).toBe(true)
      const gap = { questions: 15, mean: "5.00", max: 5, overall: 5 }
      expect([overall, claim_gap]).toEqual(["U", gap])
    }),
    cases,
  )
})

test("P8: sessions that are played again on one day count once", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 30 }), (times) => {
      const again = Array.from({ length: times }, () => ({ task: "same" }))
      expect(withoutEvents(report(again))).toEqual(withoutEvents(report([{ task: "same" }])))
    }),
    { numRuns: 30 },
  )
})

test("of one day at most eight sessions count as passed, and all that failed", () => {
  const many = Array.from({ length: 20 }, (_, at) => ({ task: `task ${at}` }))
  const failed = many.map(({ task }) => ({ task: `${task} failed`, passed: false }))
  expect(byId(report([...many, ...failed])).get("SK-02")?.units).toMatchObject({
    n: 28,
    k: 8,
    days: 1,
  })
})

const allQuestions: readonly Question[] = currentBank.layers.flatMap(({ questions }) => questions)

function report(sessions: Story["sessions"]): Report {
  return scoreRun(record({ sessions }))
}

/** An event at another time, and what it says of times. */
function movedBy({ hash, event }: EvidenceEvent, ms: number): EvidenceEvent {
  const { measured } = event.facts as { measured: Record<string, unknown> }
  const times = ["window_from_ms", "window_to_ms", "expires_ms"].filter((name) => name in measured)
  const later = Object.fromEntries(times.map((name) => [name, (measured[name] as number) + ms]))
  const facts = { ...event.facts, measured: { ...measured, ...later } }
  return { hash, event: { ...event, ts: event.ts + ms, facts } as Event }
}

function withoutTimes(from: Report): unknown {
  const window = { from_ms: 0, to_ms: 0 }
  const questions = from.questions.map((question) => ({ ...question, drops_at_ms: null }))
  return { ...from, window, stale_after_ms: 0, questions }
}

function byId({ questions }: Report): ReadonlyMap<string, Report["questions"][number]> {
  return new Map(questions.map((question) => [question.id, question]))
}

/**
 * A session that a change can only make worse: a check that fails is more of a check than none, a tripwire is not
 * touched any less by what else is found, nor is it or a leak seen without the box (which makes the report INVALID).
 */
function worsenable(each: SessionPlan, change: Partial<SessionPlan>): SessionPlan {
  if ("passed" in change) return { ...each, passed: each.passed ?? true }
  if (!("box" in change) && !("box_change" in change)) return each
  return { ...each, box: each.box === "leaky" ? "isolated" : each.box, box_change: "none" }
}

/** The level that darkness holds a question at. */
function darkCapOf({ cap }: Report["questions"][number]): number {
  const levels = (cap?.causes ?? []).flatMap((cause) =>
    / exchanges? were not seen| sessions? ran without/u.test(cause) ? [Number(cause.at(-1))] : [],
  )
  return Math.min(5, ...levels)
}

function failuresOf({ units: { n, k, unknown } }: Report["questions"][number]): number {
  return n - k - unknown
}

function levelsOf({ questions, layers, overall }: Report): unknown {
  return [questions.map(({ level }) => level), layers.map(({ level }) => level), overall]
}

function expectNoneRaised(before: Report, after: Report): void {
  const ranks = ({ questions, layers, overall }: Report): number[] =>
    [...questions, ...layers, { level: overall }].map(({ level }) => rankOf(level))
  const [was, is] = [ranks(before), ranks(after)]
  for (const [at, rank] of is.entries()) expect(rank).toBeLessThanOrEqual(was[at]!)
}

/** Gates that are about too much, not too little. */
function isCeiling(gate: string): boolean {
  return ["veto", "config", "dark", "breach", "critical"].includes(gate)
}

function bytesOf(recording: Recording): string {
  return new TextDecoder().decode(encodeReport(scoreRun(recording)))
}

function claimsOf(level: number): { question: string; level: number }[] {
  return allQuestions.map(({ id }) => ({ question: id, level }))
}

function withoutClaims(from: Report): unknown {
  return {
    ...from,
    claim_gap: null,
    layers: from.layers.map((layer) => ({ ...layer, claimed: null })),
    questions: from.questions.map((question) => ({ ...question, claimed: null, claims: [] })),
  }
}

/** Minutes pass whatever is said in them, so those of SAO-08 are left out. */
function withoutEvents({ questions, overall }: Report): unknown {
  const told = questions.filter(({ kind }) => kind !== "time")
  return [overall, told.map(({ level, units, missing }) => ({ level, units, missing }))]
}

/** The same event with every reported text and number replaced. */
function withReported(event: Event, said: string, number: number): Event {
  const replaced = Object.entries(event.facts.reported).map(([name, value]) => [
    name,
    replace(value, said, number),
  ])
  const facts = { measured: event.facts.measured, reported: Object.fromEntries(replaced) as object }
  return { ...event, facts } as Event
}

function replace(value: unknown, said: string, number: number): unknown {
  if (typeof value === "string") return said
  if (typeof value === "number") return number
  return typeof value === "boolean" ? !value : [said]
}
