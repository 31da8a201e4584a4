import type { Readable, Writable } from "node:stream"

/** How an agent ended. A signal inside a box comes out as the shell's 128 + number in `code`. */
export interface AgentExit {
  readonly code: number | null
  readonly signal: string | null
  /** The time limit was over, so the monitor ended it. */
  readonly timedOut: boolean
  /** The kernel ended a process of the box because of its memory limit. */
  readonly outOfMemory: boolean
  /** The limit of disk space that it went past, so that the monitor ended it. */
  readonly exceeded?: string
}

/** A running agent. What its streams carry is the agent's word. */
export interface AgentProcess {
  /** The agent's pid as the monitor sees it. */
  readonly pid: number
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  /** Never rejects; when it resolves, nothing of the agent runs any more. */
  readonly exited: Promise<AgentExit>
  /** SIGTERM, two seconds, SIGKILL; resolves when it is gone. */
  kill(): Promise<void>
}

/** How long an agent has between SIGTERM and SIGKILL. */
export const graceMs = 2000

/** The exit code for an agent that could not be started (DESIGN.md section 10). */
export const startFailedCode = 125

/** Asks, waits for the grace, then forces; resolves when it is gone. */
export async function end(
  gone: Promise<unknown>,
  ask: () => void,
  force: () => void,
): Promise<void> {
  ask()
  const timer = setTimeout(force, graceMs)
  await gone
  clearTimeout(timer)
}
