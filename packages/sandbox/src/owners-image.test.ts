import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { Engine } from "./container/engine.ts"
import { findImage } from "./container/own-image.ts"
import type { SandboxDriver } from "./driver.ts"
import { sandboxDriver } from "./drivers.ts"
import { importBusybox } from "./testing/busybox.ts"
import { startDocker, startPodman, type TestEngine } from "./testing/engines.ts"
import { collect, makeRig, open, type Rig } from "./testing/rig.ts"

describe.each([
  { name: "docker", start: startDocker },
  { name: "podman", start: startPodman },
] as const)("an owner's image for a box of $name", ({ name, start }) => {
  let engine: TestEngine
  let rig: Rig
  beforeAll(async () => {
    engine = await start()
    if ("missing" in engine)
      return console.error(`NOT TESTED: images of ${name}: ${engine.missing}`)
    rig = await makeRig()
  })
  afterAll(async () => {
    await rig?.close()
    if (!("missing" in engine)) await engine.close()
  })

  /** The engine's client, and a driver for an image that was made with lines of a Dockerfile. */
  async function imaged(
    { socket, environment }: Exclude<TestEngine, { missing: string }>,
    changes: string,
  ): Promise<{ client: Engine; image: string; driver: SandboxDriver }> {
    const client = new Engine(name, socket)
    const image = `localhost/${(changes.split(" ")[0] ?? "").toLowerCase()}`
    await importBusybox(client, image, changes)
    const driver = sandboxDriver({ name, environment, image, network: "none" })
    return { client, image, driver }
  }

  // Podman imports no HEALTHCHECK: of its boxes the plan's own test shows that they ask for none.
  if (name === "docker")
    test("starts nothing of its own beside the probe, where the waiting probe could be rewritten", async (context) => {
      if ("missing" in engine) return context.skip(engine.missing)
      const healthy = 'HEALTHCHECK --interval=1s CMD ["/bin/sh", "-c", "echo >/workspace/ran"]'
      const { client, image, driver } = await imaged(engine, healthy)
      const made = await client.json({ method: "GET", path: `/images/${image}/json` })
      expect(made).toMatchObject({ Config: { Healthcheck: { Interval: 1e9 } } })
      const box = await open(rig.spec(["/bin/sh", "-c", "echo agent"]), driver)
      await box.runProbe(rig.targets)
      const [running] = (await client.json({ method: "GET", path: "/containers/json" })) as {
        Status: string
      }[]
      expect(running?.Status).toMatch(/^Up /)
      expect(running?.Status).not.toContain("health")
      await box.go()
      expect(await collect(box)).toMatchObject({ code: 0, out: "agent\n" })
      await client.close()
    })

  test("is refused where it has volumes, which are writable past every limit", async (context) => {
    if ("missing" in engine) return context.skip(engine.missing)
    const { client, image, driver } = await imaged(engine, "VOLUME /data")
    expect(await findImage(client, image)).toMatchObject({ volumes: ["/data"] })
    await expect(driver.prepare(rig.spec(["/bin/sh"]))).rejects.toMatchObject({
      code: "usage/invalid",
      message: `the image ${image} has volumes: /data`,
    })
    await client.close()
  })
})
