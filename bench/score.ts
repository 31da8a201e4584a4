import { encodeReport, scoreRun } from "@amc/score"
import {
  goodSession,
  record,
  type Recording,
  type SessionPlan,
} from "../packages/score/src/evidence.fixture.ts"
import { spread } from "./statistics.ts"

/**
 * How long a report over many events takes, from verified events to the report's bytes: of long sessions, of
 * short ones, and of short ones over years. `evidenceMb` is the most memory that the process had held before it
 * scored, `peakMb` after. Prints JSON. `node bench/score.ts [events] [rounds]`
 */
const [events = 100_000, rounds = 5] = process.argv.slice(2).map(Number)

const shapes: readonly { name: string; plan: Partial<SessionPlan>; days: number }[] = [
  { name: "longSessions", plan: { calls: 20 }, days: 14 },
  { name: "shortSessions", plan: { calls: 1, waitMs: null }, days: 14 },
  { name: "years", plan: { calls: 1, waitMs: null }, days: 1500 },
]

function recorded({ plan, days }: (typeof shapes)[number]): Recording & { sessions: number } {
  const perSession = record({ sessions: [plan] }).events.length - 1
  const sessions = Array.from({ length: Math.ceil(events / perSession) }, (_, at) => ({
    ...goodSession,
    ...plan,
    day: at % days,
    task: `task ${at}`,
  }))
  return { ...record({ sessions, endDay: days - 1 }), sessions: sessions.length }
}

function measured(shape: (typeof shapes)[number]): object {
  const { sessions, ...recording } = recorded(shape)
  const { length } = recording.events
  if (length < events) throw new Error(`only ${length} events`)
  const evidenceMb = process.resourceUsage().maxRSS >> 10
  const seconds: number[] = []
  let reportBytes = 0
  for (let round = 0; round < rounds; round++) {
    const started = performance.now()
    reportBytes = encodeReport(scoreRun(recording)).length
    seconds.push((performance.now() - started) / 1000)
  }
  const peakMb = process.resourceUsage().maxRSS >> 10
  return { events: length, sessions, reportBytes, seconds: spread(seconds), evidenceMb, peakMb }
}

const found = Object.fromEntries(shapes.map((shape) => [shape.name, measured(shape)]))
console.log(JSON.stringify({ bench: "score", ...found }))
