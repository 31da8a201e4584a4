import { spawn } from "node:child_process"
import { once } from "node:events"
import { AmcError } from "@amc/core"
import type { ProbeBinary } from "./probe-binary.ts"
import { readLine } from "./probe-channel.ts"
import { startedAt } from "./process-view.ts"

/** A process of the monitor's own user that holds a canary in its memory, its environment and a file. */
export interface Stand {
  readonly pid: string
  /** When it started, in the kernel's ticks. */
  readonly started: string
  /** Where in its memory, in hex. */
  readonly address: string
  /** Its descriptor of the file. */
  readonly fd: string
  close(): Promise<void>
}

/** What the checks inside try to read from, and what their controls do. */
export interface Stands {
  readonly inside: Stand
  readonly outside: Stand
}

/** @throws {@link AmcError} `sandbox/probe-failed` */
export async function startStands(binary: ProbeBinary, canary: string): Promise<Stands> {
  const started = await Promise.allSettled([startStand(binary, canary), startStand(binary, canary)])
  const [inside, outside] = started
  if (inside.status === "fulfilled" && outside.status === "fulfilled")
    return { inside: inside.value, outside: outside.value }
  for (const each of started) if (each.status === "fulfilled") await each.value.close()
  throw noControl()
}

/**
 * Starts the process whose secrets the checks try to read: what they read from it they could read from the
 * monitor, and what can't be read from here is no control.
 *
 * @throws {@link AmcError} `sandbox/probe-failed`
 */
async function startStand(binary: ProbeBinary, canary: string): Promise<Stand> {
  const child = spawn(binary.file, ["stand"], {
    stdio: ["pipe", "pipe", "ignore"],
    env: { CANARY: canary },
    cwd: "/",
  })
  const gone = once(child, "exit").catch(() => {})
  child.stdin.on("error", () => {}).write(canary)
  const found = /^stand (\d+) ([0-9a-f]+) (\d+)$/.exec((await readLine(child.stdout)) ?? "")
  const close = async (): Promise<void> => {
    child.kill("SIGKILL")
    await gone
  }
  const [, pid, address, fd] = found ?? []
  if (pid === undefined || address === undefined || fd === undefined) {
    await close()
    throw noControl()
  }
  return { pid, started: startedAt(Number(pid)) ?? "", address, fd, close }
}

function noControl(): AmcError {
  return new AmcError("sandbox/probe-failed", "the probe can't be run here, so there is no control")
}
