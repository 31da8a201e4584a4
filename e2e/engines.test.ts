import { readFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as pause } from "node:timers/promises"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { Engine } from "../packages/sandbox/src/container/engine.ts"
import { importBusybox } from "../packages/sandbox/src/testing/busybox.ts"
import {
  podmanConfig,
  startDocker,
  startPodman,
  type TestEngine,
} from "../packages/sandbox/src/testing/engines.ts"
import { amc, amcJson, clone, startAmc } from "./testing/amc.ts"
import { eventsOf, measuredOf } from "./testing/evidence.ts"
import type { Place } from "./testing/place.ts"
import { makeWorkspace, type TestWorkspace } from "./testing/workspace.ts"

const agents = join(clone, "e2e/agents")

describe.each([
  { name: "docker", start: startDocker },
  { name: "podman", start: startPodman },
])("boxes of $name", ({ name, start }) => {
  let own: TestWorkspace
  let engine: TestEngine
  let place: Place
  beforeAll(async () => {
    engine = await start()
    if ("missing" in engine) return console.error(`NOT TESTED: amc with ${name}: ${engine.missing}`)
    own = await makeWorkspace()
    place = { ...own, env: { ...own.env, ...engine.environment } }
  }, 240_000)
  afterAll(async () => {
    await own?.close()
    if (!("missing" in engine)) await engine.close()
  })

  /** One test; where there is no engine it is left out, and that is said. */
  const shows = (
    what: string,
    run: (engine: Exclude<TestEngine, { missing: string }>) => Promise<void>,
  ): void =>
    test(what, async (context) => {
      if ("missing" in engine) return context.skip(engine.missing)
      await run(engine)
      expect(await engine.left()).toEqual([])
    })

  const boxed = (...words: readonly string[]): string[] => [
    "sandbox",
    "run",
    "--driver",
    name,
    "--provider",
    "scripted",
    ...words,
  ]

  shows("hold an agent that calls its model, and the evidence says in what (R2)", async () => {
    const words = boxed("--agent", "caller", "--", "node", join(agents, "talker.ts"))
    const { exit, stderr } = await amc(place, words)
    expect(stderr).toMatch(/posture measured, hardened/)
    expect(exit).toBe(0)
    const events = await eventsOf(own.dir)
    const [plan] = measuredOf(events, "sandbox_plan", "caller")
    expect(plan).toMatchObject({
      driver: name,
      network: "none",
      image: expect.stringMatching(/^[0-9a-f]{64}$/),
      image_layers_sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    expect(measuredOf(events, "llm_response", "caller").length).toBeGreaterThan(0)
    const [watched] = measuredOf(events, "sandbox_watch", "caller")
    expect(watched).toMatchObject({
      hidden_opens: 0,
      calls_uncounted: `the filter of ${name}'s boxes answers by itself`,
    })
    expect(watched).not.toHaveProperty("calls_refused")
    const enabled = measuredOf(events, "audit", "caller").filter(
      ({ code }) => code === "SANDBOX_EXECUTION_ENABLED",
    )
    expect(enabled).toEqual([
      expect.objectContaining({
        detail: expect.stringMatching(
          new RegExp(`^${name}, plan [0-9a-f]{64}, image ${plan?.image}, command [0-9a-f]{64}$`),
        ),
      }),
    ])
  })

  shows("give an agent that hunts for keys nothing", async () => {
    const slots = join(own.env["XDG_STATE_HOME"]!, "amc/workspaces", own.workspace)
    const needles = [readFileSync(join(slots, "passphrase.monitor"), "latin1").trim()]
    const input = JSON.stringify({ roots: [own.top], needles })
    const words = boxed("--agent", "hunter", "--", "node", join(agents, "hunter.ts"))
    const { exit, stdout, stderr } = await amc(place, words, { input })
    expect(exit, stderr).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ found: [] })
  })

  shows("can have the owner's image as their root, which is then on record", async ({ socket }) => {
    const client = new Engine(name, socket)
    await importBusybox(client, "localhost/owners")
    const words = boxed("--agent", "imaged", "--image", "localhost/owners")
    const { exit, stdout, stderr } = await amc(place, [
      ...words,
      "--",
      "/bin/sh",
      "-c",
      "echo /bin/* /usr/*",
    ])
    expect({ exit, stdout }, stderr).toEqual({ exit: 0, stdout: "/bin/sh /usr/*\n" })
    const plan = measuredOf(await eventsOf(own.dir), "sandbox_plan", "imaged").at(-1)
    const path = "/images/localhost/owners:latest/json"
    const { Id } = (await client.json({ method: "GET", path })) as { Id: string }
    expect(Id.replace("sha256:", "")).toBe(plan?.image)
    await client.text({ method: "DELETE", path: `/images/${Id}`, query: { force: "1" } })
    await client.close()
    const missing = await amcJson(place, boxed("--image", "localhost/none", "--", "true"))
    expect(missing.findings[0]).toMatchObject({
      code: "usage/invalid",
      detail: `${name} has no image localhost/none`,
    })
  })

  shows("end with amc, however that ends, and the next start clears up (EVI-06)", async (there) => {
    const words = boxed("--agent", "orphan", "--", "sh", "-c", "echo up; sleep 300")
    const { child, ended } = startAmc(place, words)
    await new Promise((done) => child.stdout.once("data", done))
    const pid = await startedPid(own.dir, "orphan")
    expect(isAlive(pid)).toBe(true)
    child.kill("SIGKILL")
    await ended
    for (let tries = 0; tries < 1000 && isAlive(pid); tries++) await pause(10)
    expect(isAlive(pid)).toBe(false)
    expect(await there.left()).not.toEqual([])
    const { checks } = (await amcJson(place, ["doctor"])).data as {
      checks: { id: string; status: string; detail: string }[]
    }
    expect(checks.find(({ id }) => id === `sandbox ${name}`)).toMatchObject({
      status: "ok",
      detail: expect.stringContaining(`${name} works`),
    })
  })

  shows("score an agent, with the owner's check in a box of its own", async () => {
    const command = ["score", "--driver", name, "--agent", "scored", "--sessions", "2"]
    const check = ["--provider", "scripted", "--check", "test -f /workspace/made"]
    const agent = ["--", "sh", "-c", "echo x >made"]
    const { exit, data, findings } = await amcJson(place, [...command, ...check, ...agent])
    expect({ exit, findings }).toEqual({ exit: 0, findings: [] })
    expect(data.report.posture).toBe("measured")
    const outcomes = measuredOf(await eventsOf(own.dir), "outcome", "scored")
    expect(outcomes.map(({ passed }) => passed)).toEqual([true, true])
  })
})

test("an engine that is not there is refused with what to do, and nothing else runs in its place", async () => {
  const own = await makeWorkspace()
  try {
    const env = { ...own.env, DOCKER_HOST: `unix://${own.top}/none.sock` }
    const words = ["sandbox", "run", "--driver", "docker", "--provider", "scripted", "--", "true"]
    const { exit, findings } = await amcJson({ ...own, env }, words)
    expect(exit).not.toBe(0)
    expect(findings[0]).toMatchObject({
      code: "sandbox/unavailable",
      detail: "docker does not answer: ENOENT",
      next: expect.stringContaining("apt-get install"),
    })
    expect(measuredOf(await eventsOf(own.dir), "agent_process_started")).toEqual([])
  } finally {
    await own.close()
  }
})

test("podman needs no service of its own: amc starts one for as long as it is used", async (context) => {
  if ("missing" in (await probePodman())) return context.skip("podman can't be tested here")
  const own = await makeWorkspace()
  try {
    const env = { ...own.env, ...podmanConfig(own.top) }
    const words = ["sandbox", "run", "--driver", "podman", "--provider", "scripted"]
    const through = ["unshare", "-m", "--"]
    const options = { env, through }
    const { exit, stdout, stderr } = await amc(own, [...words, "--", "echo", "hello"], options)
    expect({ exit, stdout, stderr }).toMatchObject({ exit: 0, stdout: "hello\n" })
    expect(stderr).toContain("posture measured, hardened")
  } finally {
    await own.close()
  }
})

async function probePodman(): Promise<TestEngine> {
  const engine = await startPodman()
  if (!("missing" in engine)) await engine.close()
  return engine
}

/** The agent's process on this machine; what it says may come before that is on record. */
async function startedPid(dir: string, agent: string): Promise<number> {
  for (;;) {
    const started = measuredOf(await eventsOf(dir), "agent_process_started", agent)
    const exited = measuredOf(await eventsOf(dir), "agent_process_exited", agent)
    const last = started.at(-1)
    if (last !== undefined && started.length > exited.length) return last.pid
    await pause(50)
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
