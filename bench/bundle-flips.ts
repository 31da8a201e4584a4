import { bundleOf, makeRun, partsOf } from "../packages/verify/src/bundle.fixture.ts"
import { verifyBundle } from "../packages/verify/src/bundle.ts"

/**
 * Flips every bit of a small bundle, or every n-th, and counts those that are not refused. Prints JSON and
 * exits 1 if there is one. `node bench/bundle-flips.ts [n]`
 */
const [step = 1] = process.argv.slice(2).map(Number)
const run = makeRun(undefined, 1)
const bundle = await bundleOf(partsOf(run), run.world)
const policy = { rootSha256: run.world.rootSha256, atMs: 0 }
const codes: Record<string, number> = {}
const accepted: number[] = []
const started = performance.now()

for (let bit = 0; bit < bundle.length * 8; bit += step) {
  const at = bit >> 3
  const [before = 0] = bundle.subarray(at, at + 1)
  bundle[at] = before ^ (1 << (bit & 7))
  const verdict = await verifyBundle(bundle, policy)
  bundle[at] = before
  if (verdict.accepted) accepted.push(bit)
  else codes[verdict.findings[0].code] = (codes[verdict.findings[0].code] ?? 0) + 1
}

const bits = Math.ceil((bundle.length * 8) / step)
const seconds = Math.round((performance.now() - started) / 1000)
console.log(
  JSON.stringify({ bench: "bundle-flips", bytes: bundle.length, bits, accepted, codes, seconds }),
)
process.exitCode = accepted.length === 0 ? 0 : 1
