import { readdirSync, readFileSync } from "node:fs"
import { sha256Hex } from "@amc/core"
import type { ProcessView } from "./probe-answer.ts"
import { namespacesOf, processView, startedAt } from "./process-view.ts"

/** What a driver knows of the box that `/proc` does not show. */
export interface DriverView {
  /** The limits that were read back; 0 where none is in force. */
  readonly memoryBytes: number
  readonly pids: number
  /** SHA-256 of AMC's own system call filter, if the box was given it; else empty. */
  readonly seccompProfile: string
  /** The way in to the gateway: a socket of this run alone, or a port that others can reach too. */
  readonly ingress: "run-socket" | "loopback" | "none"
  /** SHA-256 of the rules that close a network with interfaces, as the kernel has them; empty where there are none. */
  readonly networkClosed?: string
}

/**
 * What the monitor sees of a process that waits at the barrier, from `/proc` and not from the process.
 *
 * @throws if the process is gone
 */
export function outsideView(pid: number, driver: DriverView): ProcessView {
  const proc = `/proc/${pid}`
  const view: ProcessView = {
    ...processView(pid),
    memory_limit_bytes: driver.memoryBytes,
    pids_limit: driver.pids,
    seccomp_profile: driver.seccompProfile,
    ingress: driver.ingress,
    network_closed: driver.networkClosed ?? "",
    exe_sha256: sha256Hex(readFileSync(`${proc}/exe`)),
    started_at: startedAt(pid) ?? "",
    uid_map: oneLine(`${proc}/uid_map`),
    cgroup: oneLine(`${proc}/cgroup`),
  }
  for (const [name, value] of Object.entries(namespacesOf("self"))) view[`monitor_${name}`] = value
  return view
}

function oneLine(file: string): string {
  return readFileSync(file, "latin1").trim().replaceAll(/\s+/g, " ").slice(0, 200)
}

/** The process limit that a user's resource limit puts on a process; 0 if it is not the one that was asked for. */
export function processLimit(pid: number, asked: number): number {
  const limits = readFileSync(`/proc/${pid}/limits`, "latin1")
  const soft = Number(/^Max processes\s+(\d+)/m.exec(limits)?.[1] ?? 0)
  return soft === asked ? soft : 0
}

/** The only child of bubblewrap's first process: the probe, and the agent after it. */
export function onlyChild(pid: number): number | null {
  const children = childrenOf(pid)
  return children.length === 1 ? (children[0] ?? null) : null
}

/** The children of a process, whichever of its threads began them; none if it is gone. */
export function childrenOf(pid: number): readonly number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) => childrenOfThread(pid, thread))
  } catch {
    return []
  }
}

function childrenOfThread(pid: number, thread: string): readonly number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${thread}/children`, "latin1").trim()
    return text === "" ? [] : text.split(" ").map(Number)
  } catch {
    // The thread has ended, and what it began is another's child now.
    return []
  }
}
