import { spawn } from "node:child_process"
import { once } from "node:events"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { judgeIsolation } from "@amc/core"
import { Engine } from "./container/engine.ts"
import type { SandboxDriver } from "./driver.ts"
import { sandboxDriver } from "./drivers.ts"
import { startDocker, startPodman, type TestEngine } from "./testing/engines.ts"
import { collect, makeRig, open, type Rig } from "./testing/rig.ts"

/** Answers to everybody who can reach this host at all; says on which port. */
const openHouse = `
  const server = require("node:http").createServer((_, answer) => answer.end("reached"))
  server.listen(0, "0.0.0.0", () => console.log(server.address().port))`
const client = `
  const dns = new (require("node:dns").promises.Resolver)({ timeout: 1500, tries: 1 })
  dns.setServers(["127.0.0.11"])
  const get = (url) => fetch(url, { signal: AbortSignal.timeout(1500) }).then((r) => r.text(), (e) => e.cause?.code ?? e.name)
  const asked = dns.resolve4("example.test").then(String, (error) => error.code)
  Promise.all([asked, ...process.argv.slice(1).map(get)]).then((all) => console.log(all.join(" ")))`

describe.each([
  { name: "docker", start: startDocker },
  { name: "podman", start: startPodman },
] as const)("an internal network of $name", ({ name, start }) => {
  let engine: TestEngine
  let driver: SandboxDriver
  let rig: Rig
  beforeAll(async () => {
    engine = await start()
    if ("missing" in engine)
      return console.error(`NOT TESTED: networks of ${name}: ${engine.missing}`)
    const { environment } = engine
    driver = sandboxDriver({ name, environment, image: null, network: "internal" })
    rig = await makeRig()
  })
  afterAll(async () => {
    await rig?.close()
    if (!("missing" in engine)) await engine.close()
  })

  test("is closed to the host that it is on, and to the engine's resolver (R2)", async (context) => {
    if ("missing" in engine) return context.skip(engine.missing)
    const { within, socket } = engine
    const host = spawn(within[0] ?? "", [...within.slice(1), process.execPath, "-e", openHouse])
    const [port] = (await once(host.stdout, "data")) as [Buffer]
    try {
      const places = ["http://127.0.0.1:3210/", "http://192.0.2.1/"]
      const agent = [process.execPath, "-e", client, ...places]
      const folder = process.execPath.slice(0, process.execPath.lastIndexOf("/"))
      // The address of the host is known once the network is there, so the agent is told it by its input.
      const command = ["sh", "-c", 'read -r at; exec "$@" "$at"', "sh", ...agent]
      const box = await open(rig.spec(command, { readOnly: [rig.program, folder] }), driver)
      const at = `http://${await gatewayOf(new Engine(name, socket))}:${String(port).trim()}/`
      const record = await box.runProbe(rig.targets)
      expect(judgeIsolation(record)).toEqual({
        posture: "measured",
        hardened: false,
        reasons: ["the network is closed by rules, and not by there being none"],
      })
      expect(record.outside).toMatchObject({
        interfaces: "eth0 lo",
        network_closed: expect.stringMatching(/^[0-9a-f]{64}$/),
      })
      expect(await onHost(within, at)).toMatch(/ reached\n$/)
      await box.go()
      const { out } = await collect(box, `${at}\n`)
      expect(out).toMatch(/^ECONNREFUSED gateway \/ (?:ECONNREFUSED|ENETUNREACH) ECONNREFUSED\n$/)
      expect(await engine.left()).toEqual([])
    } finally {
      host.kill("SIGKILL")
    }
  })
})

/** The host's own address on the one network that a run has made. */
async function gatewayOf(engine: Engine): Promise<string> {
  const networks = (await engine.json({ method: "GET", path: "/networks" })) as {
    Name: string
    IPAM: { Config: { Gateway?: string; Subnet: string }[] }
  }[]
  await engine.close()
  const config = networks.find(({ Name }) => Name.startsWith("amc-"))?.IPAM.Config[0]
  return config?.Gateway ?? (config?.Subnet ?? "").replace(/\.0\/\d+$/, ".1")
}

async function onHost(within: readonly string[], url: string): Promise<string> {
  const words = [...within.slice(1), process.execPath, "-e", client, url]
  const child = spawn(within[0] ?? "", words)
  const [said] = (await once(child.stdout, "data")) as [Buffer]
  return String(said)
}
