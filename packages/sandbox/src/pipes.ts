import { execFileSync } from "node:child_process"
import { closeSync, constants, fchownSync, openSync, rmSync } from "node:fs"
import { Socket } from "node:net"
import path from "node:path"
import type { Readable, Writable } from "node:stream"
import { toolPath } from "./tool.ts"

/** A process's three standard streams: its own ends, and the monitor's. */
export interface StandardPipes {
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  readonly childEnds: readonly [number, number, number]
  /** To be called once the process has its ends, so that an end can be seen. */
  closeChildEnds(): void
}

/**
 * Real pipes. Node would give a child socket pairs, on which `/dev/stdin` and `/dev/stderr` can't be
 * opened; a named pipe can, and it may belong to the agent's user.
 */
export function openPipes(
  runFolder: string,
  owner: { uid: number; gid: number } | null,
): StandardPipes {
  const files = ["stdin", "stdout", "stderr"].map((name) => path.join(runFolder, name))
  execFileSync(toolPath("mkfifo"), ["-m", "600", ...files])
  const ends = files.map((file, index) => openBoth(file, index === 0, owner))
  const [stdin, stdout, stderr] = ends
  if (stdin === undefined || stdout === undefined || stderr === undefined)
    throw new Error("three pipes")
  return {
    stdin: streamOf(stdin.monitors, true),
    stdout: streamOf(stdout.monitors, false),
    stderr: streamOf(stderr.monitors, false),
    childEnds: [stdin.childs, stdout.childs, stderr.childs],
    closeChildEnds: () => ends.forEach(({ childs }) => closeSync(childs)),
  }
}

/** Whoever waits for the stream sees it end; an agent that closes its side must not end the monitor. */
function streamOf(fd: number, isWritable: boolean): Socket {
  return new Socket({ fd, readable: !isWritable, writable: isWritable }).on("error", () => {})
}

function openBoth(
  file: string,
  isChildReading: boolean,
  owner: { uid: number; gid: number } | null,
): { childs: number; monitors: number } {
  // Opened for both first: the ends would wait for each other otherwise, and must not be non-blocking.
  const both = openSync(file, constants.O_RDWR)
  if (owner !== null) fchownSync(both, owner.uid, owner.gid)
  const reading = openSync(file, constants.O_RDONLY)
  const writing = openSync(file, constants.O_WRONLY)
  closeSync(both)
  rmSync(file)
  return isChildReading
    ? { childs: reading, monitors: writing }
    : { childs: writing, monitors: reading }
}
