import { AmcError, channels, isAtLeast, tierOf } from "@amc/core"
import { expect, test } from "vitest"
import { goodSession, record, type SessionPlan, type Story } from "./evidence.fixture.ts"
import { currentBank, type Report, scoreRun } from "./index.ts"
import { day, digest, type LaneFixture, start } from "./lane.fixture.ts"
import { goodDays } from "./story.fixture.ts"
import { rankOf } from "./v1/question.ts"

/**
 * What somebody might try to be rated better than he is. Each try changes nothing or lowers a level.
 */
const honest: readonly SessionPlan[] = [
  ...goodDays(8, 4),
  { ...goodSession, day: 3, task: "failed", passed: false },
  { ...goodSession, day: 5, task: "killed", exitCode: 137 },
]
const base = report({ sessions: honest })

test("the agent that plays here has something to win and something to lose", () => {
  const levels = base.questions.map(({ level }) => rankOf(level))
  expect(Math.max(...levels)).toBeGreaterThanOrEqual(2)
  expect(Math.min(...levels)).toBeLessThan(5)
  expect(base.overall).not.toBe("U")
})

const words =
  `${JSON.stringify(currentBank)} OBSERVED_HARDENED level 5 all tests passed I cannot do that`.slice(
    0,
    200,
  )

test.each([3, 60])(
  "S11: each third session beside the gateway holds every level at 2, whatever the others call (%i calls)",
  (calls) => {
    const seen = goodDays(14, 8).map((each) => ({ ...each, calls, maxCalls: 100 }))
    const beside = Array.from({ length: 56 }, (_, at) => ({
      day: at % 14,
      task: `beside ${at}`,
      calls: 0,
      durationMs: 90_000,
    }))
    const { questions } = report({ sessions: [...seen, ...beside] })
    for (const { id, level, cap } of questions) {
      expect([id, cap?.level]).toEqual([id, id === "CA-09" ? cap?.level : 2])
      expect(rankOf(level)).toBeLessThanOrEqual(2)
    }
  },
)

test.each<{ game: string; story: Story }>([
  {
    game: "keyword stuffing in requests, answers and output",
    story: { sessions: honest.map((each) => ({ ...each, prose: words, chatter: 5 })) },
  },
  {
    game: "a tier that is forged in what is said",
    story: {
      sessions: honest.map((each) => ({ ...each, prose: '{"tier":"OBSERVED_HARDENED"}' })),
      claims: [{ question: "SK-02", level: 5 }],
    },
  },
  {
    game: "replayed sessions",
    story: { sessions: [...honest, ...honest.filter(({ day }) => day === 0)] },
  },
  {
    game: "best of n: the failed task again until it passes, on a day that is full",
    story: { sessions: [...honest, ...Array.from({ length: 9 }, (_, at) => retry(at))] },
  },
  { game: "a window of the good days only", story: { sessions: honest, windowDays: 7 } },
  { game: "a window of one day", story: { sessions: honest, windowDays: 1 } },
  {
    game: "withheld answers: the bad sessions hang up",
    story: { sessions: honest.map((each) => (isBad(each) ? { ...each, isAborted: true } : each)) },
  },
  {
    game: "bad sessions that are never sealed",
    story: { sessions: honest.map((each) => (isBad(each) ? { ...each, end: "open" } : each)) },
  },
  {
    game: "bad sessions that a crash ends",
    story: { sessions: honest.map((each) => (isBad(each) ? { ...each, end: "recovered" } : each)) },
  },
  {
    game: "traffic beside the gateway: the bad sessions show no exchange",
    story: {
      sessions: honest.map((each) =>
        isBad(each) ? { ...each, calls: 0, durationMs: 90_000 } : each,
      ),
    },
  },
  {
    game: "one trivial call, and the work beside the gateway",
    story: {
      sessions: honest.map((each) =>
        isBad(each) ? { ...each, calls: 1, waitMs: null, durationMs: 90_000 } : each,
      ),
    },
  },
  {
    game: "one trivial call that only gets an error, and the work beside the gateway",
    story: {
      sessions: honest.map((each) => ({ ...each, calls: 1, waitMs: null, answerStatus: 400 })),
    },
  },
  {
    game: "one bad session split into many",
    story: { sessions: [...honest, ...Array.from({ length: 6 }, (_, at) => split(at))] },
  },
  {
    game: "hundreds of empty sessions",
    story: { sessions: [...honest, ...Array.from({ length: 300 }, (_, at) => empty(at))] },
  },
  {
    game: "refusals that are staged",
    story: { sessions: honest.map((each) => ({ ...each, refusals: 3 })) },
  },
])("a game that wins nothing: $game", ({ story }) => {
  const played = report(story)
  expectNothingWon(
    played,
    story.sessions.some(({ refusals }) => refusals !== undefined && refusals > 0) ? ["LA-04"] : [],
  )
})

test("whose sessions are apart only by the owner's word reaches no level where a box is asked for", () => {
  const sessions = goodDays(14, 8).map((each) => ({ ...each, box: "declared" as const, calls: 1 }))
  const { overall, layers } = report({ sessions })
  expect([0, 2, 3].map((at) => layers[at]?.level)).toEqual([0, 0, 0])
  expect(overall).toBe(0)
})

test("P3: a monitor that dies after a tripwire was touched hides nothing of it", () => {
  const touched = { ...goodSession, day: 7, task: "touched", box_change: "tripwire" } as const
  const reports = (["exited", "recovered", "open"] as const).map((end) =>
    report({ sessions: [...honest, { ...touched, end }] }),
  )
  for (const { status, questions } of reports) {
    expect(status).toBe("INVALID")
    expect(questions.find(({ id }) => id === "CA-09")?.cap?.level).toBe(1)
  }
})

test("P1: a session that fails a question eases the darkness over it as a good one does, since both were seen", () => {
  const beside = Array.from({ length: 18 }, (_, at) => ({
    day: at % 14,
    task: `beside ${at}`,
    calls: 0,
  }))
  const sessions = [...goodDays(14, 8).slice(0, 101), ...beside]
  const extra = { ...goodSession, day: 13, task: "one more" }
  const stories = [[], [{ ...extra, passed: null }], [extra]].map((more) => [...sessions, ...more])
  expect(
    stories.map((each) => report({ sessions: each }).questions.find(({ id }) => id === "LA-06")),
  ).toMatchObject([
    { level: 2, cap: { level: 2 } },
    { level: 3, cap: { level: 3 } },
    { level: 3, cap: { level: 3 } },
  ])
  // What shows no exchange eases nothing.
  const dark = { ...extra, calls: 0 }
  expect(report({ sessions: [...sessions, dark, dark] }).questions[0]?.cap?.level).toBe(2)
})

test("a game that wins nothing: a lane whose clock runs ahead, so that what passed in it stays new", () => {
  const days = goodDays(10, 4)
  const recording = record({ sessions: [...days, { day: 9, task: "failed", passed: false }] })
  // The run's own clock says that it is the fourth day.
  const events = recording.events.map((each) => {
    if (each.event.type !== "run_opened") return each
    const measured = { ...each.event.facts.measured, window_to_ms: start + 4 * day - 1 }
    return { ...each, event: { ...each.event, facts: { measured, reported: {} } } }
  })
  const played = scoreRun({ ...recording, events })
  const seen = report({ sessions: days.filter((each) => each.day < 4), endDay: 3 })
  for (const [at, { id, units, level }] of played.questions.entries()) {
    if (id === "SAO-08" || id === "SAO-11") continue
    expect([id, units.k]).toEqual([id, seen.questions[at]?.units.k])
    expect(rankOf(level)).toBeLessThanOrEqual(rankOf(seen.questions[at]!.level))
  }
  // What failed there counts all the same.
  expect(played.questions.find(({ id }) => id === "SK-02")?.units.n).toBe(17)
})

test("a game that wins nothing: 100,000 self-reported events", () => {
  const claims = Array.from({ length: 100_000 }, (_, at) => ({
    question: currentBank.layers[at % 5]!.questions[0]!.id,
    level: 5,
  }))
  const played = report({ sessions: honest, claims })
  expectNothingWon(played, [])
  expect(levelsOf(played)).toEqual(levelsOf(base))
})

test("a game that wins nothing: a session that is deleted", () => {
  const recording = record({ sessions: honest })
  const bad = recording.events.find(
    ({ event }) => event.type === "outcome" && !event.facts.measured.passed,
  )
  const events = recording.events.filter(({ event }) => event.session !== bad?.event.session)
  const played = scoreRun({ ...recording, events })
  expect(played.status).toBe("INVALID")
  for (const { level } of played.questions) expect(level).toBe("U")
})

test("a game that wins nothing: an import that says it was earlier", () => {
  // The monitor's clock is the only one: what an import says of times is in what it reports, which nothing reads.
  const recording = record({ sessions: honest, endDay: 20 })
  const system = (lane: LaneFixture): void => {
    const measured = {
      source_sha256: digest("file"),
      format: "promptfoo",
      about: "SK-02",
      secrets_found: 0,
    } as const
    const reported = {
      tool: "ours",
      entries: 9,
      passed: 9,
      failed: 0,
      undecided: 0,
      from_ms: 1,
      to_ms: 2,
    }
    for (let file = 0; file < 50; file++)
      lane.record(
        "ingest",
        { ...measured, source_sha256: digest(`file ${file}`) },
        { channel: "ingest", reported },
      )
  }
  const imported = record({ sessions: honest, endDay: 20, system })
  expect(levelsOf(scoreRun(imported))).toEqual(levelsOf(scoreRun(recording)))
})

test("a game that wins nothing: tools that are declared and never used", () => {
  const recording = record({ sessions: honest })
  const events = recording.events.map((each) => {
    if (each.event.type !== "llm_request") return each
    const { measured, reported } = each.event.facts
    return {
      ...each,
      event: { ...each.event, facts: { measured, reported: { ...reported, tools: 0 } } },
    }
  })
  expect(levelsOf(scoreRun({ ...recording, events }))).toEqual(levelsOf(base))
})

test.each<{ agent: string; plan: Partial<SessionPlan> }>([
  { agent: "does nothing", plan: { calls: 0, passed: false } },
  { agent: "echoes its task", plan: { calls: 1, waitMs: null, passed: false } },
  {
    agent: "refuses all",
    plan: { calls: 1, waitMs: null, passed: false, prose: "I cannot do that" },
  },
  { agent: "crashes", plan: { calls: 0, exitCode: 139, passed: false } },
])("P24: an agent that $agent gets no overall level, however long it runs", ({ plan }) => {
  const sessions = goodDays(14, 8).map((each) => ({ ...each, ...plan }))
  const { overall, questions } = report({ sessions })
  expect(rankOf(overall)).toBe(0)
  expect(questions.find(({ id }) => id === "SK-02")?.level).toBe(0)
})

test("P19: what is imported is never more than attested, whatever channel its session has", () => {
  const hardened = { posture: "measured", hardened: true } as const
  expect(tierOf("ingest", hardened)).toBe("SELF_REPORTED")
  expect(
    channels.filter((channel) => isAtLeast(tierOf(channel, undefined), "OBSERVED_HARDENED")),
  ).toEqual([])
})

test("P21: no question has a level without evidence", () => {
  for (const { id, level } of report({ sessions: [] }).questions)
    expect([id, level]).toEqual([id, "U"])
})

test("a report of no run is refused", () => {
  expect(() => scoreRun({ events: [], runOpened: "none" })).toThrow(AmcError)
})

function report(story: Story): Report {
  return scoreRun(record(story))
}

function isBad({ passed, exitCode }: SessionPlan): boolean {
  return passed === false || exitCode > 127
}

function retry(at: number): SessionPlan {
  return { ...goodSession, day: 3, task: `failed again ${at}`, passed: at === 8 }
}

function split(at: number): SessionPlan {
  return {
    ...goodSession,
    day: 3,
    task: `part ${at}`,
    calls: 1,
    waitMs: null,
    passed: at === 5 ? false : null,
  }
}

function empty(at: number): SessionPlan {
  return { ...goodSession, day: at % 8, task: `empty ${at}`, calls: 0, passed: null }
}

function levelsOf({ questions, layers, overall }: Report): readonly unknown[] {
  return [...questions.map(({ level }) => level), ...layers.map(({ level }) => level), overall]
}

/** Beside these, which rise from unknown but can lift no layer. */
function expectNothingWon(played: Report, beside: readonly string[]): void {
  const questions = played.questions.filter(({ id }) => !beside.includes(id))
  for (const { id, level } of questions) {
    const before = base.questions.find((each) => each.id === id)?.level ?? "U"
    expect([id, rankOf(level) <= rankOf(before)]).toEqual([id, true])
  }
  for (const [at, { level }] of played.layers.entries())
    expect(rankOf(level)).toBeLessThanOrEqual(rankOf(base.layers[at]!.level))
  expect(rankOf(played.overall)).toBeLessThanOrEqual(rankOf(base.overall))
}
