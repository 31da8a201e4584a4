import { setFlagsFromString } from "node:v8"
import { diceOf } from "@amc/testkit"
import { judgeMutant, mutantOf } from "../packages/verify/src/bundle-fuzz.fixture.ts"
import { rounded } from "./statistics.ts"

/**
 * Changes bundles, in their archive, their files, their JSON and their evidence, with and without signing them anew, and has
 * them verified, inspected, compared and gated: nothing may crash, nothing be accepted that the owner did not sign, and
 * what he signed anew must say the same. Each seed is one bundle; ends with 1 where one is wrong.
 * Prints JSON. `node bench/fuzz-bundle.ts [minutes] [first seed]`
 */
const [minutes = 5, firstSeed = 1] = process.argv.slice(2).map(Number)
// What needs more is a bomb that went off.
setFlagsFromString("--max-old-space-size=384")

const kinds: Record<string, { made: number; accepted: number }> = {}
const faults: string[] = []
const slowest = { seed: 0, ms: 0 }
let rssMiB = 0
let unchanged = 0

async function judge(seed: number): Promise<void> {
  const started = performance.now()
  const mutant = await mutantOf(diceOf(seed))
  if (mutant === null) return
  const { fault, isAccepted, isOriginal } = await judgeMutant(mutant)
  if (isOriginal) unchanged++
  if (fault !== null) faults.push(`seed ${seed}, ${mutant.kind} by ${mutant.signing}: ${fault}`)
  const ms = Math.round(performance.now() - started)
  if (ms > slowest.ms) Object.assign(slowest, { seed, ms })
  const of = (kinds[`${mutant.kind}, signed by ${mutant.signing}`] ??= { made: 0, accepted: 0 })
  of.made++
  if (isAccepted && !isOriginal) of.accepted++
}

const until = performance.now() + minutes * 60_000
let seed = firstSeed
for (; performance.now() < until; seed++) {
  try {
    await judge(seed)
  } catch (error) {
    faults.push(`seed ${seed}: ${(error as Error).stack ?? String(error)}`)
  }
  if (seed % 64 === 0) rssMiB = Math.max(rssMiB, process.memoryUsage.rss() / 2 ** 20)
}
const cpu = process.cpuUsage()
console.log(
  JSON.stringify({
    bench: "fuzz-bundle",
    minutes,
    cpuMinutes: rounded((cpu.user + cpu.system) / 60e6),
    seeds: [firstSeed, seed - 1],
    mutants: Object.values(kinds).reduce((sum, { made }) => sum + made, 0),
    unchanged,
    kinds,
    slowest,
    mostMiB: rounded(rssMiB),
    faults,
  }),
)
process.exitCode = faults.length === 0 ? 0 : 1
