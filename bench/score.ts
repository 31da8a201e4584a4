import { encodeReport, scoreRun } from "@amc/score"
import { record } from "../packages/score/src/evidence.fixture.ts"
import { spread } from "./statistics.ts"

/**
 * How long a report over many events takes, from verified events to the report's bytes.
 * Prints JSON. `node bench/score.ts [events] [rounds]`
 */
const [events = 100_000, rounds = 5] = process.argv.slice(2).map(Number)
const calls = 20
const perSession = record({ sessions: [{ calls }] }).events.length - 1

const sessions = Array.from({ length: Math.ceil(events / perSession) }, (_, at) => ({
  day: at % 14,
  task: `task ${at}`,
  calls,
}))
const recording = record({ sessions })
const seconds: number[] = []
let reportBytes = 0
for (let round = 0; round < rounds; round++) {
  const started = performance.now()
  reportBytes = encodeReport(scoreRun(recording)).length
  seconds.push((performance.now() - started) / 1000)
}
const { length } = recording.events
if (length < events) throw new Error(`only ${length} events`)
console.log(
  JSON.stringify({
    bench: "score",
    events: length,
    sessions: sessions.length,
    reportBytes,
    seconds: spread(seconds),
  }),
)
