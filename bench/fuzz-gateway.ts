import {
  type Fuzzed,
  fuzzAnswers,
  fuzzProxied,
  fuzzRequests,
  fuzzTunnels,
} from "../packages/gateway/src/gateway-fuzz.fixture.ts"
import { rounded } from "./statistics.ts"

/**
 * Sends mutated requests, answers, CONNECT targets, ClientHellos and plain requests through the gateway and the egress proxy:
 * nothing may be forwarded that is not recorded, no call stay open, nothing crash, memory stay bounded.
 * Prints JSON, and exits 1 if not. `node bench/fuzz-gateway.ts [minutes] [first seed]`
 */
const [minutes = 5, firstSeed = 1] = process.argv.slice(2).map(Number)
const kinds = {
  requests: fuzzRequests,
  answers: fuzzAnswers,
  tunnels: fuzzTunnels,
  proxied: fuzzProxied,
}
const perRound = 400
const MiB = 1024 * 1024

const totals: Record<string, { rounds: number; sent: number; forwarded: number }> = {}
const faults: string[] = []
const rssMiB: number[] = []
process.on("unhandledRejection", (error) => faults.push(`unhandled: ${String(error)}`))
process.on("uncaughtException", (error) => faults.push(`uncaught: ${error.stack ?? error.message}`))

const until = performance.now() + minutes * 60_000
let seed = firstSeed
for (; performance.now() < until; seed++)
  for (const [kind, fuzz] of Object.entries(kinds)) take(kind, seed, await fuzz(seed, perRound))

function take(kind: string, seed: number, { sent, forwarded, faults: found }: Fuzzed): void {
  const total = (totals[kind] ??= { rounds: 0, sent: 0, forwarded: 0 })
  total.rounds++
  total.sent += sent
  total.forwarded += forwarded
  faults.push(...found.map((fault) => `${kind}, seed ${seed}: ${fault}`))
  rssMiB.push(rounded(process.memoryUsage.rss() / MiB))
}

const half = rssMiB.length >> 1
const [early, late] = [Math.max(...rssMiB.slice(0, half)), Math.max(...rssMiB.slice(half))]
if (late > early * 1.3 + 64) faults.push(`memory grew from ${early} to ${late} MiB`)
console.log(
  JSON.stringify({
    bench: "fuzz-gateway",
    minutes,
    seeds: [firstSeed, seed - 1],
    totals,
    memory: { firstHalfMostMiB: early, secondHalfMostMiB: late },
    faults,
  }),
)
process.exitCode = faults.length === 0 ? 0 : 1
