import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { setTimeout as pause } from "node:timers/promises"
import { Engine } from "../container/engine.ts"
import { removeEngineFolder } from "./engine-folder.ts"

/** An engine that a test started for itself, or why there is none. */
export type TestEngine =
  | {
      readonly socket: string
      /** What tells AMC where it is. */
      readonly environment: Readonly<Record<string, string>>
      /** Words that run a command in the engine's own network, which is the host's for its containers. */
      readonly within: readonly string[]
      /** The names of all containers, images and networks of ours that are in it. */
      left(): Promise<readonly string[]>
      close(): Promise<void>
    }
  | { readonly missing: string }

const readyMs = 60_000

/**
 * Starts docker's engine in a network, with mounts and in a folder of its own, so that it changes nothing of the
 * machine's. It ends with this process, however that ends.
 */
export function startDocker(): Promise<TestEngine> {
  const needs = ["dockerd", "containerd", "runc", "iptables", "ip", "unshare", "setpriv"]
  return start("docker", needs, (folder) => {
    const places = [
      ["--data-root", "data"],
      ["--exec-root", "exec"],
      ["--pidfile", "docker.pid"],
    ].flatMap(([option = "", name = ""]) => [option, path.join(folder, name)])
    return ["dockerd", ...places, "-H", `unix://${path.join(folder, "engine.sock")}`]
  })
}

/** The same for podman, with what makes it work where cgroups are of both versions. */
export function startPodman(): Promise<TestEngine> {
  const needs = ["podman", "runc", "conmon", "netavark", "iptables", "ip", "unshare", "setpriv"]
  return start("podman", needs, (folder) => {
    const socket = `unix://${path.join(folder, "engine.sock")}`
    return ["podman", "system", "service", "--time", "0", socket]
  })
}

const variables = { docker: "DOCKER_HOST", podman: "CONTAINER_HOST" } as const

async function start(
  name: keyof typeof variables,
  needs: readonly string[],
  commandIn: (folder: string) => readonly string[],
): Promise<TestEngine> {
  const lacking = needs.filter((program) => !isThere(program))
  if (process.getuid?.() !== 0) return { missing: "an engine is started by root alone" }
  if (lacking.length > 0) return { missing: `not installed: ${lacking.join(", ")}` }
  const folder = mkdtempSync(path.join(tmpdir(), "amc-engine-"))
  const socket = path.join(folder, "engine.sock")
  const own = ["--pdeathsig", "TERM", "--", "unshare", "-mn", "sh", "-c", startIn, "sh"]
  const child = spawn("setpriv", [...own, ...commandIn(folder)], {
    stdio: ["ignore", "ignore", "pipe"],
    cwd: folder,
    env: { ...process.env, ...podmanConfig(folder) },
  })
  const said = lastWords(child)
  const close = async (): Promise<void> => {
    await stop(child)
    removeEngineFolder(folder)
  }
  if (await answers(socket, child))
    return {
      socket,
      environment: { [variables[name]]: `unix://${socket}` },
      within: ["nsenter", `--net=/proc/${child.pid}/ns/net`, "--"],
      left: () => leftIn(socket),
      close,
    }
  await close()
  return { missing: `the engine did not start: ${said()}` }
}

const startIn = 'ip link set lo up; exec "$@"'

/** Where podman keeps things, and what it starts containers with. */
export function podmanConfig(folder: string): Record<string, string> {
  const conf = path.join(folder, "containers.conf")
  const storage = path.join(folder, "storage.conf")
  const engine = ['runtime = "runc"', 'cgroup_manager = "cgroupfs"', 'events_logger = "file"']
  const network = ["[network]", 'network_backend = "netavark"']
  writeFileSync(conf, ["[engine]", ...engine, ...network, ""].join("\n"))
  const places = ["graphroot", "runroot"].map((name) => `${name} = "${path.join(folder, name)}"`)
  writeFileSync(storage, ["[storage]", 'driver = "overlay"', ...places, ""].join("\n"))
  return { CONTAINERS_CONF: conf, CONTAINERS_STORAGE_CONF: storage }
}

interface Listed {
  readonly Names?: readonly string[]
  readonly RepoTags?: readonly string[]
  readonly Name?: string
}

async function leftIn(socket: string): Promise<readonly string[]> {
  const engine = new Engine("the engine", socket)
  const names: string[] = []
  for (const [path, query] of [
    ["/containers/json", { all: "1" }],
    ["/images/json", { all: "1" }],
    ["/networks", {}],
  ] as const) {
    const listed = (await engine.json({ method: "GET", path, query })) as readonly Listed[]
    for (const { Names, RepoTags, Name } of listed)
      names.push(...(Names ?? RepoTags ?? (Name === undefined ? [path] : [Name])))
  }
  await engine.close()
  return names.filter((name) => /amc|^\//.test(name)).sort()
}

function isThere(program: string): boolean {
  return ["/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin", "/usr/lib/podman"].some(
    (folder) => existsSync(path.join(folder, program)),
  )
}

async function answers(socket: string, child: ChildProcess): Promise<boolean> {
  const deadline = AbortSignal.timeout(readyMs)
  while (!deadline.aborted && child.exitCode === null && child.signalCode === null) {
    const engine = new Engine("the engine", socket)
    const version = await engine.found({ method: "GET", path: "/version" }).catch(() => null)
    await engine.close()
    if (version !== null) return true
    await pause(100)
  }
  return false
}

function lastWords(child: ChildProcess): () => string {
  let text = ""
  child.stderr?.on("data", (bytes) => (text = (text + String(bytes)).slice(-4000)))
  return () => text.trim().split("\n").slice(-3).join(" | ")
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, "exit")
  child.kill("SIGTERM")
  const timer = setTimeout(() => child.kill("SIGKILL"), 20_000)
  await gone
  clearTimeout(timer)
}
