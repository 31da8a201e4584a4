import { spawnSync } from "node:child_process"
import { judgeIsolation } from "@amc/core"
import { driverNames, sandboxDriver } from "@amc/sandbox"
import { makeRig, runInBox } from "../packages/sandbox/src/testing/rig.ts"
import { spread } from "./statistics.ts"

/**
 * From nothing to the end of a boxed `true`, with the probe and its controls, and the bare `true` beside
 * it. Prints JSON. `node bench/sandbox-start.ts [rounds] [driver]`
 */
const rounds = Number(process.argv[2] ?? 12)
const name = driverNames.find((each) => each === process.argv[3]) ?? "bubblewrap"
const driver = sandboxDriver({ name, environment: process.env, image: null, network: "none" })
const works = await driver.detect()
if (!works.available) throw new Error(works.reason)
const rig = await makeRig()
const [boxed, bare]: [number[], number[]] = [[], []]
const postures = new Set<string>()
await runInBox(rig, rig.spec(["true"]), "", driver)
for (let round = 0; round < rounds; round++) {
  const bareStarted = performance.now()
  spawnSync("true")
  bare.push(performance.now() - bareStarted)
  const started = performance.now()
  const { code, record } = await runInBox(rig, rig.spec(["true"]), "", driver)
  boxed.push(performance.now() - started)
  if (code !== 0) throw new Error(`the box ended with ${code}`)
  postures.add(judgeIsolation(record).posture)
}
await rig.close()
console.log(
  JSON.stringify({
    bench: "sandbox-start",
    rounds,
    driver: name,
    works,
    postures: [...postures],
    boxedMs: spread(boxed),
    bareMs: spread(bare),
  }),
)
