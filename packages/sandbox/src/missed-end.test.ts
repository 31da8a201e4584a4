import { mkdtempSync, rmSync } from "node:fs"
import { connect, createServer, type Server, type Socket } from "node:net"
import { tmpdir } from "node:os"
import path from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { sandboxDriver } from "./drivers.ts"
import { startDocker, startPodman, type TestEngine } from "./testing/engines.ts"
import { makeRig, type Rig, runInBox } from "./testing/rig.ts"

/** Between AMC and an engine: what asks for a box's end does not get through. */
async function deafWay(to: string, at: string): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const engine: Socket = connect({ path: to, allowHalfOpen: true })
    engine.on("error", () => client.destroy())
    client.on("error", () => engine.destroy()).on("close", () => engine.destroy())
    client.on("data", (bytes) => {
      if (!bytes.toString("latin1").includes("/wait?")) engine.write(bytes)
    })
    client.on("end", () => engine.end())
    engine.pipe(client)
  })
  await new Promise<void>((done) => server.listen(at, done))
  return server
}

describe.each([
  { name: "docker", start: startDocker, variable: "DOCKER_HOST" },
  { name: "podman", start: startPodman, variable: "CONTAINER_HOST" },
] as const)("an engine, $name, that misses the end of a box", ({ name, start, variable }) => {
  let engine: TestEngine
  let rig: Rig
  let folder: string
  let way: Server | undefined
  beforeAll(async () => {
    engine = await start()
    if ("missing" in engine) return console.error(`NOT TESTED: ${name}: ${engine.missing}`)
    folder = mkdtempSync(path.join(tmpdir(), "amc-test-"))
    rig = await makeRig()
    way = await deafWay(engine.socket, path.join(folder, "way.sock"))
  })
  afterAll(async () => {
    way?.close()
    await rig?.close()
    if ("missing" in engine) return
    rmSync(folder, { recursive: true })
    await engine.close()
  })

  test("is asked for the exit code, and leaves nothing behind", async (context) => {
    if ("missing" in engine) return context.skip(engine.missing)
    const environment = { [variable]: `unix://${path.join(folder, "way.sock")}` }
    const driver = sandboxDriver({ name, environment, image: null, network: "none" })
    const ran = await runInBox(rig, rig.spec(["sh", "-c", "cat; exit 7"]), "in", driver)
    expect(ran).toMatchObject({ code: 7, signal: null, out: "in" })
    expect(await engine.left()).toEqual([])
    return undefined
  })
})
