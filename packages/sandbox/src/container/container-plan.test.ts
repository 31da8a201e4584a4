import { rmSync } from "node:fs"
import { expect, test } from "vitest"
import { inspectContainerHost } from "./container-host.ts"
import { planContainer } from "./container-plan.ts"
import type { SandboxSpec } from "../spec.ts"

const spec: SandboxSpec = {
  readOnly: [import.meta.dirname],
  work: "/tmp/work",
  hidden: [],
  gatewaySocket: "/tmp/gateway.sock",
  egressSocket: null,
  env: { OPENAI_API_KEY: "lease-4711" },
  command: ["node", "agent.js"],
  limits: { memoryBytes: 1 << 28, pids: 32, timeoutMs: 1000, fileBytes: 1 << 20, workBytes: 1 },
}
const facts = inspectContainerHost(spec, { driver: "docker", network: "none", isOwnImage: true })
rmSync(facts.runFolder, { recursive: true })
const host = { ...facts, image: { id: "ab", layersSha256: "cd" } }

test("the same spec and host give the same plan, and any change another digest", () => {
  const { sha256 } = planContainer(spec, host)
  expect(planContainer({ ...spec }, { ...host }).sha256).toBe(sha256)
  const changed = [
    planContainer({ ...spec, command: ["node", "other.js"] }, host),
    planContainer({ ...spec, env: {} }, host),
    planContainer({ ...spec, limits: { ...spec.limits, pids: 33 } }, host),
    planContainer(spec, { ...host, network: "internal" }),
    planContainer(spec, { ...host, image: { ...host.image, layersSha256: "ce" } }),
    planContainer(spec, { ...host, isOwnImage: false }),
  ]
  expect(new Set([sha256, ...changed.map((plan) => plan.sha256)]).size).toBe(changed.length + 1)
})

test("nothing of the agent's environment is told to the engine", () => {
  expect(JSON.stringify(planContainer(spec, host).body)).not.toContain("lease-4711")
})

test("an engine is asked for the least: no capability, no privilege, no network, one folder to write to", () => {
  const { body } = planContainer(spec, host)
  const { HostConfig, User } = body
  expect(User).toBe(`${host.user.uid}:${host.user.gid}`)
  expect(HostConfig).toMatchObject({
    CapDrop: ["ALL"],
    Privileged: false,
    ReadonlyRootfs: true,
    NetworkMode: "none",
    PidsLimit: 32,
    Memory: 1 << 28,
    MemorySwap: 1 << 28,
  })
  expect(body["Healthcheck"]).toEqual({ Test: ["NONE"] })
  expect(HostConfig["SecurityOpt"]).toContain("no-new-privileges")
  const writable = HostConfig.Mounts.filter(({ ReadOnly }) => !ReadOnly)
  expect(writable.map(({ Target }) => Target)).toEqual(["/workspace"])
  expect(HostConfig.Mounts.every(({ Source }) => Source !== "/")).toBe(true)
})
