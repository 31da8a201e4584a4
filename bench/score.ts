import { execFileSync } from "node:child_process"
import { spread } from "./statistics.ts"

/**
 * How long a report takes that is scored event by event, and how much memory: of long sessions, of short ones, and of
 * short ones over years. Each size is scored in a process of its own, whose events are made as they are told. `heldMb`
 * is what the heap holds at the end, `peakMb` the most memory of the process, of which some 90 MB are Node's own.
 * Prints JSON. `node bench/score.ts [events] [rounds] [most events]`
 */
const [events = 100_000, rounds = 5, most = 1_000_000] = process.argv.slice(2).map(Number)

const shapes = {
  longSessions: { plan: { calls: 20 }, days: 14 },
  shortSessions: { plan: { calls: 1, waitMs: null }, days: 14 },
  years: { plan: { calls: 1, waitMs: null }, days: 1500 },
} as const

interface Scored {
  readonly events: number
  readonly sessions: number
  readonly reportBytes: number
  readonly seconds: readonly number[]
  readonly heldMb: number
  readonly peakMb: number
  readonly isSame: boolean | null
}

function scored(name: keyof typeof shapes, size: number, times: number): object {
  const { plan, days } = shapes[name]
  const main = new URL("score/score-main.ts", import.meta.url).pathname
  const words = [JSON.stringify(plan), String(size), String(days), String(times)]
  const said = execFileSync(process.execPath, ["--expose-gc", main, ...words], { encoding: "utf8" })
  const found = JSON.parse(said) as Scored
  if (found.isSame === false) throw new Error(`${name}: another report than of all events together`)
  return { ...found, seconds: spread(found.seconds) }
}

const found = Object.fromEntries(
  (Object.keys(shapes) as (keyof typeof shapes)[]).map((name) => [
    name,
    scored(name, events, rounds),
  ]),
)
const sizes = [events / 10, events, most].filter((size) => size <= most)
const growth = sizes.map((size) => scored("longSessions", size, 1))
console.log(JSON.stringify({ bench: "score", ...found, growth }))
