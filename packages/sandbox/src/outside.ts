import { readFileSync, statSync } from "node:fs"
import { type ProcessView, processView } from "./probe-main.ts"

/** The limits that were read back for a process; 0 where none is in force. */
export interface LimitsInForce {
  readonly memoryBytes: number
  readonly pids: number
}

/**
 * What the monitor sees of a process that waits at the barrier, from `/proc` and not from the process.
 *
 * @throws if the process is gone
 */
export function outsideView(pid: number, limits: LimitsInForce): ProcessView {
  const monitor = processView("self")
  const view: ProcessView = {
    ...processView(pid),
    memory_limit_bytes: limits.memoryBytes,
    pids_limit: limits.pids,
    mounts: readFileSync(`/proc/${pid}/mountinfo`, "latin1").trimEnd().split("\n").length,
    is_monitors_node: isSameFile(`/proc/${pid}/exe`, "/proc/self/exe"),
  }
  for (const [name, value] of Object.entries(monitor))
    if (name.startsWith("ns_")) view[`monitor_${name}`] = value
  return view
}

/** The process limit that a user's resource limit puts on a process; 0 if it is not the one that was asked for. */
export function processLimit(pid: number, asked: number): number {
  const limits = readFileSync(`/proc/${pid}/limits`, "latin1")
  const soft = Number(/^Max processes\s+(\d+)/m.exec(limits)?.[1] ?? 0)
  return soft === asked ? soft : 0
}

/** The only child of bubblewrap's first process: the probe, and the agent after it. */
export function onlyChild(pid: number): number | null {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim().split(" ")
    return children.length === 1 && children[0] !== "" ? Number(children[0]) : null
  } catch {
    return null
  }
}

function isSameFile(one: string, other: string): boolean {
  const [a, b] = [statSync(one), statSync(other)]
  return a.dev === b.dev && a.ino === b.ino
}
