import { spawnSync } from "node:child_process"
import { judgeIsolation } from "@amc/core"
import { detectBubblewrap } from "@amc/sandbox"
import { makeRig, runInBox } from "../packages/sandbox/src/testing/rig.ts"
import { spread } from "./statistics.ts"

/**
 * From nothing to the end of a boxed `true`, with the probe and its controls, and the bare `true` beside
 * it. Prints JSON. `node bench/sandbox-start.ts [rounds]`
 */
const [rounds = 12] = process.argv.slice(2).map(Number)
const rig = await makeRig()
const [boxed, bare]: [number[], number[]] = [[], []]
const postures = new Set<string>()
await runInBox(rig, rig.spec(["true"]))
for (let round = 0; round < rounds; round++) {
  const bareStarted = performance.now()
  spawnSync("true")
  bare.push(performance.now() - bareStarted)
  const started = performance.now()
  const { code, record } = await runInBox(rig, rig.spec(["true"]))
  boxed.push(performance.now() - started)
  if (code !== 0) throw new Error(`the box ended with ${code}`)
  postures.add(judgeIsolation(record).posture)
}
await rig.close()
console.log(
  JSON.stringify({
    bench: "sandbox-start",
    rounds,
    bubblewrap: await detectBubblewrap(),
    postures: [...postures],
    boxedMs: spread(boxed),
    bareMs: spread(bare),
  }),
)
