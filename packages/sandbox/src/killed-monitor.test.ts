import { spawn } from "node:child_process"
import { once } from "node:events"
import { rmSync } from "node:fs"
import path from "node:path"
import { setTimeout as pause } from "node:timers/promises"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { Engine } from "./container/engine.ts"
import { sweep } from "./container/sweep.ts"
import { startDocker, startPodman, type TestEngine } from "./testing/engines.ts"
import { processesNaming } from "./testing/processes.ts"

const main = path.join(import.meta.dirname, "testing/boxed-sleep-main.ts")
/** After its first word; the last is late enough for the agent to run. */
const moments = [0, 100, 250, 400, 700, 3000]

describe.each([
  { name: "docker", start: startDocker },
  { name: "podman", start: startPodman },
] as const)("a monitor with a box of $name", ({ name, start }) => {
  let engine: TestEngine
  beforeAll(async () => {
    engine = await start()
    if ("missing" in engine) console.error(`NOT TESTED: killed with ${name}: ${engine.missing}`)
  })
  afterAll(async () => {
    if (!("missing" in engine)) await engine.close()
  })

  test("leaves nothing for ever, whenever it is killed (EVI-06)", async (context) => {
    if ("missing" in engine) return context.skip(engine.missing)
    for (const moment of moments) {
      const child = spawn(process.execPath, [main, name], {
        env: { ...process.env, ...engine.environment },
        stdio: ["ignore", "pipe", "inherit"],
      })
      const [said] = (await once(child.stdout, "data")) as [Buffer]
      await pause(moment)
      child.kill("SIGKILL")
      const folder = String(said).split("\n")[0] ?? ""
      const client = new Engine(name, engine.socket)
      const deadline = AbortSignal.timeout(20_000)
      let left: readonly string[]
      do {
        // What the engine was asked for last may be made only now.
        await pause(50)
        await sweep(client)
        left = [...(await engine.left()), ...processesNaming(folder)]
      } while (left.length > 0 && !deadline.aborted)
      await client.close()
      expect({ moment, left }).toEqual({ moment, left: [] })
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
