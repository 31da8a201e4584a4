import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { statSync } from "node:fs"
import type { ProbeRecord } from "@amc/core"
import { bubblewrapDriver } from "../bubblewrap-driver.ts"
import type { BoxNetwork, SandboxDriver } from "../driver.ts"
import { sandboxDriver } from "../drivers.ts"
import { onlyChild } from "../outside.ts"
import type { ProbedProcess } from "../probe.ts"
import { inBox, rootModeUsers } from "../spec.ts"
import { until } from "../until.ts"
import { measureByHand } from "./matrix-by-hand.ts"
import type { Scene } from "./matrix-scene.ts"
import { open } from "./rig.ts"

/** An engine that runs containers here. */
export interface Engine {
  /** Its command line up to the verb. */
  readonly command: readonly string[]
  /** An image with empty folders and nothing else. */
  readonly image: string
  /** Words that `run` needs on this machine. */
  readonly limits: readonly string[]
  readonly version: string
  /** Its API's socket; empty where there is none. */
  readonly socket: string
  /** What AMC's own driver is told. */
  readonly environment: Readonly<Record<string, string>>
}

type Arrangement = (scene: Scene, engine: Engine) => Promise<ProbeRecord>
type Place = ProbedProcess["place"]

const inImage = "/run/amc/probe"
const agent = String(rootModeUsers.agent)
const otherUser = ["setpriv", "--reuid", agent, "--regid", agent, "--clear-groups", "--"]

/** By the head of the column. */
export const arrangements: Readonly<Record<string, Arrangement>> = {
  "no box, same user": (scene) => measureByHand(scene, { ...plain(scene, []) }),
  "no box, other user": (scene) => measureByHand(scene, plain(scene, otherUser)),
  "bwrap, naive": (scene) => measureByHand(scene, naive(scene)),
  "bubblewrap (AMC)": (scene) => byDriver(scene, bubblewrapDriver),
  "docker run": (scene, engine) => bridged(scene, engine, "bridge", []),
  "docker --internal": (scene, engine) => onInternal(scene, engine, () => () => undefined),
  "docker --internal, host closed": (scene, engine) =>
    onInternal(scene, engine, (bridge) => closeHost(bridge, scene.gatewayPort)),
  "docker --network none": (scene, engine) => alone(scene, engine, hardened),
  "docker, engine's socket": (scene, engine) =>
    alone(scene, engine, [...hardened, ...withEngine(engine)]),
  "docker (AMC)": (scene, engine) => byDriver(scene, driverOf("docker", engine)),
  "docker (AMC), internal": (scene, engine) =>
    byDriver(scene, driverOf("docker", engine, "internal")),
  "podman --network none": (scene, engine) => alone(scene, engine, hardened),
  "podman (AMC)": (scene, engine) => byDriver(scene, driverOf("podman", engine)),
}

/** As AMC builds it. */
async function byDriver(scene: Scene, driver: SandboxDriver): Promise<ProbeRecord> {
  const box = await open(scene.rig.spec(["true"]), driver)
  try {
    return await box.runProbe(scene.targets)
  } finally {
    await box.refuse()
  }
}

function driverOf(
  name: "docker" | "podman",
  { environment }: Engine,
  network: BoxNetwork = "none",
): SandboxDriver {
  return sandboxDriver({ name, environment, image: null, network })
}

/** What people who know docker well would give it. */
const hardened = [
  "--read-only",
  "--tmpfs=/tmp",
  `--user=${agent}:${agent}`,
  "--cap-drop=ALL",
  "--security-opt=no-new-privileges",
  "--pids-limit=64",
  "--memory=256m",
]

/** As for a user whom the engine serves: to others its socket is as good as not there. */
function withEngine({ socket }: Engine): readonly string[] {
  return [`--group-add=${statSync(socket).gid}`, "-v", `${socket}:/var/run/docker.sock`]
}

function plain(scene: Scene, prefix: readonly string[]) {
  return {
    words: [...prefix, scene.probe],
    pidOf: async (child: { pid?: number | undefined }) => child.pid ?? 0,
    // A walk over a whole machine takes as long as the machine is large.
    place: { ...placeOf(scene, "127.0.0.1"), walkRoot: scene.rig.folder },
  }
}

function naive(scene: Scene) {
  const box = ["bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
  const own = [
    "--die-with-parent",
    "--unshare-net",
    "--unshare-pid",
    "--bind",
    scene.work,
    scene.work,
  ]
  return {
    ...plain(scene, [...box, ...own, "--"]),
    pidOf: async ({ pid = 0 }: { pid?: number | undefined }) => grandchild(pid),
  }
}

async function grandchild(pid: number): Promise<number> {
  await until(() => onlyChild(onlyChild(pid) ?? 0) !== null, 5000)
  return onlyChild(onlyChild(pid) ?? 0) ?? 0
}

function placeOf({ work, probe, gatewayPort }: Scene, host: string): Place {
  const gateway = { host, port: gatewayPort }
  return { gateway, egress: null, work, probe, walkRoot: "/", internet: true }
}

function inContainer(scene: Scene, gateway: Place["gateway"]): Place {
  return { ...placeOf(scene, gateway.host), gateway, work: inBox.work, probe: inImage }
}

/** A container of its own name, which is taken away again. */
async function container(
  scene: Scene,
  engine: Engine,
  options: readonly string[],
  rest: { readonly gateway: Place["gateway"]; readonly prepare?: (pid: number) => Promise<void> },
): Promise<ProbeRecord> {
  const name = `amc-matrix-${process.pid}`
  const { gateway, prepare } = rest
  const mounts = ["-v", `${scene.probe}:${inImage}:ro`, "-v", `${scene.work}:${inBox.work}`]
  const words = ["run", "-i", "--name", name, ...mounts, ...engine.limits, ...options]
  try {
    return await measureByHand(scene, {
      words: [...engine.command, ...words, engine.image, inImage],
      pidOf: () => pidOfContainer(engine, name),
      place: inContainer(scene, gateway),
      ...(prepare === undefined ? {} : { prepare }),
    })
  } finally {
    ask(engine, "rm", "--force", name)
  }
}

async function pidOfContainer(engine: Engine, name: string): Promise<number> {
  let pid = 0
  await until(() => {
    const said = attempt(() => ask(engine, "inspect", "--format", "{{.State.Pid}}", name))
    pid = Number(said ?? 0)
    return pid > 0
  }, 20_000)
  return pid
}

function bridged(
  scene: Scene,
  engine: Engine,
  network: string,
  options: readonly string[],
): Promise<ProbeRecord> {
  const format = "{{(index .IPAM.Config 0).Subnet}}"
  const subnet = ask(engine, "network", "inspect", "--format", format, network)
  // An engine that never was restarted does not tell the gateway of its first network.
  const host = subnet.replace(/\.0\/\d+$/, ".1")
  const gateway = { host, port: scene.gatewayPort }
  return container(scene, engine, [`--network=${network}`, ...options], { gateway })
}

/** A network that leads nowhere, made for this one container. */
async function onInternal(
  scene: Scene,
  engine: Engine,
  close: (bridge: string) => () => void,
): Promise<ProbeRecord> {
  const network = `amc-matrix-${process.pid}`
  const id = ask(engine, "network", "create", "--internal", network)
  const reopen = close(`br-${id.slice(0, 12)}`)
  try {
    return await bridged(scene, engine, network, hardened)
  } finally {
    reopen()
    ask(engine, "network", "rm", network)
  }
}

/** The host takes nothing from the bridge but calls to the gateway. */
function closeHost(bridge: string, port: number): () => void {
  const rules = [
    ["-i", bridge, "-j", "REJECT"],
    ["-i", bridge, "-p", "tcp", "--dport", String(port), "-j", "ACCEPT"],
  ]
  for (const rule of rules) execFileSync("iptables", ["-I", "INPUT", ...rule])
  return () => {
    for (const rule of rules) execFileSync("iptables", ["-D", "INPUT", ...rule])
  }
}

/** No network at all, and the gateway by its socket and a relay that the container can't see. */
async function alone(
  scene: Scene,
  engine: Engine,
  options: readonly string[],
): Promise<ProbeRecord> {
  let stop: (() => Promise<unknown>) | undefined
  try {
    return await container(scene, engine, ["--network=none", ...options], {
      gateway: { host: inBox.gatewayHost, port: inBox.gatewayPort },
      prepare: async (pid) => void (stop = await relay(pid, scene.gatewaySocket)),
    })
  } finally {
    await stop?.()
  }
}

async function relay(pid: number, socket: string): Promise<() => Promise<unknown>> {
  const listen = `TCP-LISTEN:${inBox.gatewayPort},bind=${inBox.gatewayHost},fork,reuseaddr`
  const words = [`--net=/proc/${pid}/ns/net`, "socat", "-d", "-d", listen, `UNIX-CONNECT:${socket}`]
  const child = spawn("nsenter", words, { stdio: ["ignore", "ignore", "pipe"] })
  const gone = once(child, "exit")
  for await (const line of child.stderr) if (String(line).includes("listening")) break
  return async () => {
    child.kill("SIGKILL")
    await gone
  }
}

function ask({ command }: Engine, ...words: readonly string[]): string {
  const [file = "", ...rest] = command
  return execFileSync(file, [...rest, ...words], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  }).trim()
}

function attempt<T>(deed: () => T): T | undefined {
  try {
    return deed()
  } catch {
    return undefined
  }
}
