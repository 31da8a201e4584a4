import { execFile } from "node:child_process"
import { statfs } from "node:fs/promises"
import { setTimeout as pause } from "node:timers/promises"
import { promisify } from "node:util"
import { toolPath } from "./tool.ts"

const run = promisify(execFile)
const everyMs = 1000
const longestLookMs = 10_000

/** A look at a work folder that goes on until it is stopped. */
export interface WorkWatch {
  stop(): void
}

interface Room {
  readonly bytes: number
  readonly entries: number
}

/**
 * Looks every second at what lies in a work folder, and calls `over` once when it is more than `most`
 * bytes. What the folder does not show (a file that is open and has no name, a folder that nobody may
 * read) is seen by the disk: it counts when three quarters of what was free are gone.
 */
export function watchWork(work: string, most: number, over: (detail: string) => void): WorkWatch {
  const stop = new AbortController()
  void watch(work, most, stop.signal).then((detail) => {
    if (detail !== null && !stop.signal.aborted) over(detail)
  })
  return { stop: () => stop.abort() }
}

async function watch(work: string, most: number, signal: AbortSignal): Promise<string | null> {
  const before = await roomOf(work)
  for (;;) {
    const detail = await look(work, most, before, signal)
    if (detail !== null) return detail
    await pause(everyMs, undefined, { signal }).catch(() => undefined)
    if (signal.aborted) return null
  }
}

async function look(
  work: string,
  most: number,
  before: Room | null,
  signal: AbortSignal,
): Promise<string | null> {
  const now = await roomOf(work)
  if (before !== null && now !== null && isUsedUp(before, now))
    return "three quarters of what was free on the disk of the work folder are gone"
  const used = await usedBytes(work, signal)
  return used > most ? `the work folder has ${used} bytes and may have ${most}` : null
}

function isUsedUp(before: Room, now: Room): boolean {
  return now.bytes < before.bytes / 4 || now.entries < before.entries / 4
}

async function roomOf(folder: string): Promise<Room | null> {
  try {
    const { bavail, bsize, ffree } = await statfs(folder)
    return { bytes: bavail * bsize, entries: ffree }
  } catch {
    return null
  }
}

/** What the folder takes of the disk, as far as it can be read; 0 if that is not known in time. */
async function usedBytes(work: string, signal: AbortSignal): Promise<number> {
  const args = ["-sx", "--block-size=1", "--", work]
  const options = { env: {}, cwd: "/", timeout: longestLookMs, signal }
  const out = await run(toolPath("du"), args, options).then(
    ({ stdout }) => stdout,
    // An entry that is gone or can't be read is told by the exit code; the sum is there all the same.
    ({ stdout }: { stdout?: unknown }) => String(stdout ?? ""),
  )
  return Number(/^(\d+)/.exec(out)?.[1] ?? 0)
}
