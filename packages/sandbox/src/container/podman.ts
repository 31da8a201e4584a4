import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { AmcError, isFault } from "@amc/core"
import { toolPath } from "../tool.ts"
import { until } from "../until.ts"
import type { EngineHome } from "./container-driver.ts"
import { Engine } from "./engine.ts"
import { type Environment, namedSocket, placeOf } from "./engine-socket.ts"

const hint = "install it: apt-get install -y podman"
const startMs = 15_000
/** What podman heeds of its caller's environment; nothing else gets to it. */
const passed = /^(HOME|PATH|XDG_[A-Z_]+|CONTAINERS_[A-Z_]+|TMPDIR|LANG)$/

/**
 * Podman's engine: where it listens already, and else one that is started for as long as it is used. It has no
 * daemon of its own.
 */
export function podmanHome(environment: Environment): EngineHome {
  return {
    name: "podman",
    place: placeOf(environment, "CONTAINER_HOST"),
    hint,
    connect: async () => {
      const socket = listening(environment)
      return socket === null ? startService(environment) : new Engine("podman", socket)
    },
  }
}

function listening(environment: Environment): string | null {
  const named = namedSocket(environment, "CONTAINER_HOST")
  if (named !== null) return named
  return existsSync("/run/podman/podman.sock") ? "/run/podman/podman.sock" : null
}

/** @throws {@link AmcError} `sandbox/unavailable` */
async function startService(environment: Environment): Promise<Engine> {
  const program = podmanPath()
  const folder = mkdtempSync(path.join(tmpdir(), "amc-podman-"))
  const socket = path.join(folder, "podman.sock")
  const own = Object.entries(environment).filter(([name]) => passed.test(name))
  const words = ["--pdeathsig", "TERM", "--", program, "system", "service", "--time", "0"]
  const child = spawn(toolPath("setpriv"), [...words, `unix://${socket}`], {
    stdio: ["ignore", "ignore", "pipe"],
    env: Object.fromEntries(own),
    cwd: folder,
  })
  let said = ""
  child.stderr.on("data", (bytes) => (said = (said + String(bytes)).slice(-2000)))
  const gone = once(child, "exit").catch(() => {})
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM")
    await gone
    rmSync(folder, { recursive: true, force: true })
  }
  await until(() => existsSync(socket) || isOver(), startMs)
  if (existsSync(socket) && !isOver()) return new Engine("podman", socket, stop)
  await stop()
  const [lastLine = ""] = said.trim().split("\n").slice(-1)
  throw new AmcError("sandbox/unavailable", `podman did not start: ${lastLine.slice(0, 200)}`, {
    hint,
  })
}

function podmanPath(): string {
  try {
    return toolPath("podman")
  } catch (error) {
    if (isFault(error))
      throw new AmcError("sandbox/unavailable", "podman is not installed", { hint })
    throw error
  }
}
