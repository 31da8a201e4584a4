import { spawnSync } from "node:child_process"
import { judgeIsolation } from "@amc/core"
import { type DriverName, driverNames, sandboxDriver } from "@amc/sandbox"
import { startDocker, startPodman } from "../packages/sandbox/src/testing/engines.ts"
import { makeRig, type Rig, runInBox } from "../packages/sandbox/src/testing/rig.ts"
import { type Spread, spread } from "./statistics.ts"

/**
 * From nothing to the end of a boxed `true`, with the probe and its controls, and the bare `true` beside
 * it. Prints JSON. `node bench/sandbox-start.ts [rounds] [driver, or all]`
 *
 * Engines are started for it; where one can't be, why is said in its place.
 */
const rounds = Number(process.argv[2] ?? 12)
const asked = driverNames.filter((name) => ["all", name].includes(process.argv[3] ?? "bubblewrap"))

type Environment = Readonly<Record<string, string | undefined>>

async function boxedMs(name: DriverName, environment: Environment, rig: Rig): Promise<Spread> {
  const driver = sandboxDriver({ name, environment, image: null, network: "none" })
  const works = await driver.detect()
  if (!works.available) throw new Error(works.reason)
  const once = async (): Promise<number> => {
    const started = performance.now()
    const { code, record } = await runInBox(rig, rig.spec(["true"]), "", driver)
    const took = performance.now() - started
    if (code !== 0) throw new Error(`the box ended with ${code}`)
    const { posture } = judgeIsolation(record)
    if (posture !== "measured") throw new Error(`the box is ${posture}`)
    return took
  }
  await once()
  const all: number[] = []
  for (let round = 0; round < rounds; round++) all.push(await once())
  return spread(all)
}

async function inEngine(name: "docker" | "podman", rig: Rig): Promise<Spread | string> {
  const engine = await (name === "docker" ? startDocker() : startPodman())
  if ("missing" in engine) return engine.missing
  try {
    return await boxedMs(name, engine.environment, rig)
  } finally {
    await engine.close()
  }
}

function bareMs(): Spread {
  return spread(
    Array.from({ length: rounds }, () => {
      const started = performance.now()
      spawnSync("true")
      return performance.now() - started
    }),
  )
}

const rig = await makeRig()
const measured: Record<string, Spread | string> = {}
for (const name of asked)
  measured[name === "bubblewrap" ? "boxedMs" : `${name}Ms`] =
    name === "bubblewrap" ? await boxedMs(name, process.env, rig) : await inEngine(name, rig)
await rig.close()
console.log(JSON.stringify({ bench: "sandbox-start", rounds, ...measured, bareMs: bareMs() }))
