import { rmSync } from "node:fs"
import {
  faultAt,
  type FaultOutcome,
  type FaultPoint,
  faultsHindered,
  kindOf,
  listCalls,
  makeFaultBench,
  pointsOf,
} from "../packages/studio/src/ledger-fault.fixture.ts"

/**
 * Makes every file call of a recording fail in turn: by EIO once, by ENOSPC from then on, by SIGKILL. After each,
 * restarts, and looks whether all that was acknowledged is there and verifies. Stops after some minutes, having
 * tried an even share. Prints JSON and exits 1 if something was lost. `node bench/ledger-faults.ts [minutes]`
 */
const [minutes = 60] = process.argv.slice(2).map(Number)
const hindered = await faultsHindered()
if (hindered !== null) throw new Error(hindered)
const started = performance.now()
const elapsed = (): number => (performance.now() - started) / 1000
const bench = await makeFaultBench()
const calls = [...(await listCalls(bench, true)), ...(await listCalls(bench, false))]
const points = spread(pointsOf(calls))
const waiting = [...points]
const outcomes: FaultOutcome[] = []

/** Far apart from one to the next, the first of each kind before all others. */
function spread(all: readonly FaultPoint[]): readonly FaultPoint[] {
  const turn = new Map<string, number>()
  return all
    .map((point) => {
      const kind = `${kindOf(point)} ${point.fault}`
      turn.set(kind, (turn.get(kind) ?? 0) + 1)
      return { point, turn: turn.get(kind) ?? 0 }
    })
    .toSorted((a, b) => a.turn - b.turn)
    .map(({ point }) => point)
}

async function work(): Promise<void> {
  while (elapsed() < minutes * 60) {
    const point = waiting.shift()
    if (point === undefined) return
    outcomes.push(await faultAt(bench, point))
  }
}

function counted(keys: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const key of keys.toSorted()) counts[key] = (counts[key] ?? 0) + 1
  return counts
}

await Promise.all([work(), work()])
rmSync(bench.top, { recursive: true, force: true })
const hits = outcomes.filter(({ isHit }) => isHit)
const problems = outcomes.filter((one) => one.problems.length > 0)
console.log(
  JSON.stringify({
    bench: "ledger-faults",
    calls: calls.length,
    kinds: new Set(calls.map(kindOf)).size,
    points: points.length,
    tried: outcomes.length,
    hit: hits.length,
    kindsHit: new Set(hits.map(({ point }) => kindOf(point))).size,
    missed: counted(outcomes.filter(({ isHit }) => !isHit).map(({ point }) => kindOf(point))),
    byFault: counted(hits.map(({ point }) => point.fault)),
    byCall: counted(hits.map(({ point }) => point.call)),
    answers: counted(hits.flatMap(({ codes }) => [...new Set(codes)])),
    acknowledged: outcomes.reduce((sum, one) => sum + one.acknowledged, 0),
    problems: problems.map(({ point, problems: found }) => ({ ...point, problems: found })),
    seconds: Math.round(elapsed()),
  }),
)
process.exitCode = problems.length === 0 ? 0 : 1
