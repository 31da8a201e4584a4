import { writeFileSync } from "node:fs"
import type { Item } from "../packages/score/src/v1/judged.ts"
import {
  freeQuestions,
  judgedOf,
  levelFor,
  today,
} from "../packages/score/src/v1/judged.fixture.ts"
import type { Level } from "../packages/score/src/v1/level.ts"

/**
 * What levels simulated agents reach with the bank's gates: how often a session goes well, how many there are a
 * day, in windows of 14 and 30 days. Chance comes from a seed, so that the table can be made again. Writes
 * packages/score/bank/calibration.json and prints it. `node bench/calibration.ts [agents]`
 */
const [agents = 200] = process.argv.slice(2).map(Number)
const tables = [
  { kind: "rate", rates: [999, 990, 970, 950, 900, 800, 600, 300], perDay: [5, 2, 1] },
  { kind: "cov", rates: [999, 990, 970, 950, 900, 800, 600, 300], perDay: [5, 2, 1] },
] as const
const windows = [14, 30]

/** Numbers from 0 to 999, the same for the same seed. */
function chance(seed: number): () => number {
  let state = seed * 2_654_435_761 + 1
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 0x9e37_79b9) >>> 0
    const mixed = Math.imul(state ^ (state >>> 13), 3_266_489_917) >>> 0
    return ((mixed ^ (mixed >>> 16)) >>> 0) % 1000
  }
}

function levelOfAgent(
  kind: string,
  terms: { rate: number; perDay: number; days: number; agent: number },
): Level {
  const question = freeQuestions.find(({ profile }) => profile === kind)
  if (question === undefined) throw new Error(`no question of kind ${kind}`)
  const next = chance(terms.agent * 7919 + terms.rate * 31 + terms.perDay * 3 + terms.days)
  const sessions = Array.from({ length: terms.days * terms.perDay }, (_, at) => {
    const items: Item[] = [{ outcome: next() < terms.rate ? "pass" : "fail" }]
    return judgedOf({ id: `${at}`, day: today - (at % terms.days), items })
  })
  return levelFor(question, sessions)
}

const rows = tables.flatMap(({ kind, rates, perDay }) =>
  windows.flatMap((days) =>
    perDay.flatMap((each) =>
      rates.map((rate) => {
        const levels = [0, 0, 0, 0, 0, 0]
        for (let agent = 0; agent < agents; agent++) {
          const level = levelOfAgent(kind, { rate, perDay: each, days, agent })
          if (level !== "U") levels[level] = (levels[level] ?? 0) + 1
        }
        return { kind, windowDays: days, sessionsPerDay: each, cleanPerMille: rate, agents, levels }
      }),
    ),
  ),
)
const file = new URL("../packages/score/bank/calibration.json", import.meta.url)
writeFileSync(file, `${JSON.stringify(rows, null, 1)}\n`)
console.log(JSON.stringify({ bench: "calibration", rows }))
