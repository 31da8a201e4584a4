import { rmSync } from "node:fs"
import { expect, test } from "vitest"
import {
  faultAt,
  type FaultOutcome,
  type FaultPoint,
  faultsHindered,
  kindOf,
  listCalls,
  makeFaultBench,
  pointsOf,
} from "./ledger-fault.fixture.ts"

const hindered = await faultsHindered()
// Nobody shall think that this was tested where it was not.
if (hindered !== null) console.warn(`SKIPPED: faults of the ledger's file calls: ${hindered}`)

const spreadSize = 20

/** Where what is acknowledged becomes durable: each fault of each call, in the middle of the work. */
function commitPoints(points: readonly FaultPoint[]): readonly FaultPoint[] {
  const commits = points.filter(
    ({ isNew, path, call }) =>
      !isNew && path.endsWith("/ledger.sqlite-wal") && /^(pwrite64|fsync)$/u.test(call),
  )
  const kinds = Map.groupBy(commits, ({ call, fault }) => `${call} ${fault}`)
  return [...kinds.values()].flatMap((each) =>
    [0.4, 0.7].flatMap((share) => each[Math.floor(each.length * share)] ?? []),
  )
}

/** One fault for a kind of call, another for the next, and of those evenly many; the same in each run. */
function spreadPoints(points: readonly FaultPoint[]): readonly FaultPoint[] {
  const kinds = [...Map.groupBy(points, (point) => kindOf(point)).values()]
  return Array.from({ length: spreadSize }, (_, at) => {
    const each = kinds[Math.floor((at * kinds.length) / spreadSize)] ?? []
    return each.filter(({ fault }) => fault === faults[at % faults.length])[0] ?? each[0]
  }).flatMap((point) => point ?? [])
}

const faults = ["EIO", "SIGKILL", "ENOSPC"]

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
      const points = pointsOf(calls)
      const sample = [...commitPoints(points), ...spreadPoints(points)]
      expect(sample).toHaveLength(12 + spreadSize)
      const outcomes = await tryAll(sample, (point) => faultAt(bench, point))
      expect(outcomes.filter(({ problems }) => problems.length > 0)).toEqual([])
      expect(outcomes.filter(({ isHit }) => isHit).length).toBeGreaterThan(sample.length * 0.9)
      expect(new Set(outcomes.map(({ point }) => point.fault)).size).toBe(3)
      expect(outcomes.some(({ acknowledged }) => acknowledged > 10)).toBe(true)
    } finally {
      rmSync(bench.top, { recursive: true, force: true })
    }
  },
  240_000,
)
