import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdirSync, mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { until } from "../until.ts"
import { removeEngineFolder } from "./engine-folder.ts"
import { podmanConfig } from "./engines.ts"
import type { Engine } from "./matrix-arrangements.ts"
import type { World } from "./matrix-world.ts"

/** The engines that could be started in a world, or why not. */
export interface Engines {
  readonly docker: Engine | string
  readonly podman: Engine | string
  close(): Promise<void>
}

const image = "amc-matrix"

/** Starts docker's engine in a world, and gives both engines an image. Close it. */
export async function startEngines(world: World): Promise<Engines> {
  const folder = mkdtempSync(path.join(tmpdir(), "amc-engines-"))
  const archive = makeImage(folder)
  const daemon = isThere("dockerd") ? startDaemon(folder, world) : null
  const docker = await orWhy(() => readyDocker(folder, daemon, archive))
  const podman = await orWhy(async () => readyPodman(folder, world, archive))
  return {
    docker,
    podman,
    close: async () => {
      if (daemon !== null) await stop(daemon)
      removeEngineFolder(folder)
    },
  }
}

async function orWhy(start: () => Promise<Engine>): Promise<Engine | string> {
  try {
    return await start()
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: unknown }
    return (
      String(stderr ?? message)
        .trim()
        .split("\n")
        .at(-1) ?? ""
    )
  }
}

/** The probe needs nothing of an image but places to mount on. */
function makeImage(folder: string): string {
  const root = path.join(folder, "root")
  for (const name of ["dev", "etc", "proc", "run", "sys", "tmp", "workspace"])
    mkdirSync(path.join(root, name), { recursive: true })
  execFileSync("tar", ["-C", root, "-cf", `${root}.tar`, "."])
  return `${root}.tar`
}

function startDaemon(folder: string, world: World): ChildProcess {
  const places = [
    ["--data-root", "data"],
    ["--exec-root", "exec"],
    ["--pidfile", "docker.pid"],
  ].flatMap(([option = "", name = ""]) => [option, path.join(folder, name)])
  const words = [...world.network, "dockerd", ...places, "-H", `unix://${socketIn(folder)}`]
  return spawn("setpriv", ["--pdeathsig", "TERM", "--", ...words], {
    stdio: ["ignore", "ignore", "ignore"],
  })
}

function socketIn(folder: string): string {
  return path.join(folder, "engine.sock")
}

async function readyDocker(
  folder: string,
  daemon: ChildProcess | null,
  archive: string,
): Promise<Engine> {
  if (daemon === null) throw new Error("dockerd is not installed")
  const socket = socketIn(folder)
  await until(() => existsSync(socket) || daemon.exitCode !== null, 60_000)
  const command = ["docker", "-H", `unix://${socket}`]
  execFileSync("docker", [...command.slice(1), "import", archive, image], { stdio: "pipe" })
  return {
    command,
    image,
    limits: [],
    socket,
    environment: { DOCKER_HOST: `unix://${socket}` },
    version: versionOf(command, "{{.Server.Version}}"),
  }
}

function readyPodman(folder: string, world: World, archive: string): Engine {
  if (!isThere("podman")) throw new Error("podman is not installed")
  const places = ["--root", path.join(folder, "images"), "--runroot", path.join(folder, "running")]
  const way = ["--runtime", "/usr/sbin/runc", "--cgroup-manager", "cgroupfs"]
  const command = ["podman", ...places, ...way, "--events-backend", "file"]
  const [file = "", ...words] = [...world.enter, ...command, "import", archive, image]
  execFileSync(file, words, { stdio: "pipe" })
  // Podman asks for more than a process here may have, unless it is told.
  const limits = ["--ulimit=nofile=1024:1024", "--ulimit=nproc=4096:4096"]
  const own = path.join(folder, "podman")
  mkdirSync(own)
  return {
    command,
    image,
    limits,
    socket: "",
    // AMC starts the engine itself, with a store of its own.
    environment: { PATH: process.env["PATH"] ?? "", HOME: folder, ...podmanConfig(own) },
    version: versionOf(command, "{{.Client.Version}}"),
  }
}

function versionOf([file = "", ...words]: readonly string[], format: string): string {
  const asked = [...words, "version", "--format", format]
  return execFileSync(file, asked, { encoding: "utf8", stdio: "pipe" }).trim()
}

function isThere(program: string): boolean {
  return ["/usr/bin", "/usr/sbin", "/usr/local/bin"].some((each) =>
    existsSync(path.join(each, program)),
  )
}

async function stop(daemon: ChildProcess): Promise<void> {
  if (daemon.exitCode !== null || daemon.signalCode !== null) return
  const gone = once(daemon, "exit")
  daemon.kill("SIGTERM")
  await gone
}
