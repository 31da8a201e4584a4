import { beginScore, encodeReport, scoreRun } from "@amc/score"
import type { SessionPlan } from "../../packages/score/src/evidence.fixture.ts"
import { longStory } from "./long-story.ts"

/** Scores one long story in a process of its own, and prints what it took. */
const [plan = "{}", events = "10000", days = "14", rounds = "1"] = process.argv.slice(2)
const story = longStory(JSON.parse(plan) as Partial<SessionPlan>, Number(events), Number(days))
const seconds: number[] = []
let report: Uint8Array = new Uint8Array()
let heldMb = 0
for (let round = 0; round < Number(rounds); round++) {
  const started = performance.now()
  const score = beginScore(story.runOpened)
  for (const each of story.told()) score.look(each)
  for (const each of story.told()) score.take(each)
  report = encodeReport(score.report())
  seconds.push((performance.now() - started) / 1000)
  if (round > 0) continue
  globalThis.gc?.()
  // After a collection, with the score still there: what it holds.
  heldMb = process.memoryUsage().heapUsed >> 20
  score.report()
}
const peakMb = process.resourceUsage().maxRSS >> 10
const { sessions, runOpened } = story
const isSame =
  story.events > 20_000
    ? null
    : Buffer.compare(
        report,
        encodeReport(scoreRun({ events: [...story.told(), runOpened], runOpened: runOpened.hash })),
      ) === 0
const size = { events: story.events, sessions, reportBytes: report.length }
console.log(JSON.stringify({ ...size, seconds, heldMb, peakMb, isSame }))
