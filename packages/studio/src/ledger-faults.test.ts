import { rmSync } from "node:fs"
import { expect, test } from "vitest"
import {
  faultAt,
  type FaultOutcome,
  type FaultPoint,
  faultsHindered,
  type FileCall,
  kindOf,
  listCalls,
  makeFaultBench,
  pointsOf,
} from "./ledger-fault.fixture.ts"

const hindered = await faultsHindered()
// Nobody shall think that this was tested where it was not.
if (hindered !== null) console.warn(`SKIPPED: faults of the ledger's file calls: ${hindered}`)

const sampleSize = 32

/** One fault for each kind of call, another for the next, and of those evenly many; the same in each run. */
function sampleOf(calls: readonly FileCall[]): readonly FaultPoint[] {
  const kinds = Map.groupBy(pointsOf(calls), (point) => kindOf(point))
  const one = [...kinds.values()].flatMap((points, at) => points[(at * 7) % points.length] ?? [])
  const every = one.length / sampleSize
  return Array.from({ length: sampleSize }, (_, at) => one[Math.floor(at * every)]).flatMap(
    (point) => point ?? [],
  )
}

/** Two at a time: a fault's process mostly waits for its tracer. */
async function tryAll(
  points: readonly FaultPoint[],
  tryOne: (point: FaultPoint) => Promise<FaultOutcome>,
): Promise<readonly FaultOutcome[]> {
  const [waiting, outcomes] = [[...points], [] as FaultOutcome[]]
  const work = async (): Promise<void> => {
    for (let point = waiting.shift(); point !== undefined; point = waiting.shift())
      outcomes.push(await tryOne(point))
  }
  await Promise.all([work(), work()])
  return outcomes
}

test.skipIf(hindered !== null)(
  "L25 after EIO, ENOSPC or SIGKILL in a file call, all that was acknowledged is there and verifies",
  async () => {
    const bench = await makeFaultBench()
    try {
      const calls = [...(await listCalls(bench, true)), ...(await listCalls(bench, false))]
      const names = new Set(calls.map(({ call }) => call))
      for (const call of ["openat", "write", "pwrite64", "fsync", "rename", "mkdir", "ftruncate"])
        expect(names).toContain(call)
      const outcomes = await tryAll(sampleOf(calls), (point) => faultAt(bench, point))
      expect(outcomes.filter(({ problems }) => problems.length > 0)).toEqual([])
      expect(outcomes.filter(({ isHit }) => isHit).length).toBeGreaterThan(sampleSize * 0.9)
      expect(new Set(outcomes.map(({ point }) => point.fault)).size).toBe(3)
      expect(outcomes.some(({ acknowledged }) => acknowledged > 10)).toBe(true)
    } finally {
      rmSync(bench.top, { recursive: true, force: true })
    }
  },
  240_000,
)
