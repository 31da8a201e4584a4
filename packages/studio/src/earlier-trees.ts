import { earlierTreesMax } from "@amc/bundle"
import type { SqliteLedger } from "@amc/store-sqlite"

/**
 * The sizes of the trees that somebody may have seen before one of this size, ascending: those of kept checkpoints. Where
 * they are too many, those that runs were sealed at come first, which bundles tell of, then the newest.
 */
export async function earlierTrees(
  { events }: SqliteLedger,
  lane: string,
  treeSize: number,
): Promise<readonly number[]> {
  const kept = (await events.checkpoints()).map(({ size }) => size)
  const sizes = [...new Set(kept)].filter((size) => size > 0 && size < treeSize)
  if (sizes.length <= earlierTreesMax) return sizes
  const sealed = new Set<number>()
  for await (const { lseq } of events.readType(lane, "run_opened"))
    sealed.add(sizes.find((size) => size > lseq) ?? 0)
  const runs = sizes.filter((size) => sealed.has(size)).slice(-earlierTreesMax / 2)
  const others = sizes.filter((size) => !runs.includes(size)).slice(runs.length - earlierTreesMax)
  return [...runs, ...others].sort((a, b) => a - b)
}
