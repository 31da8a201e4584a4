import { spawn } from "node:child_process"
import { once } from "node:events"
import { closeSync, constants, fchownSync, openSync } from "node:fs"
import { Socket } from "node:net"
import type { Readable, Writable } from "node:stream"
import { AmcError } from "@amc/core"
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

/** Opens three pipes, tells their descriptors, and waits. */
const threePipes = "exec {a}<> <(:) {b}<> <(:) {c}<> <(:); echo $a $b $c; read -r _"

/**
 * Real pipes. Node would give a child socket pairs, on which `/dev/stdin` and `/dev/stderr` can't be
 * opened; and opening a named pipe whose writer is gone would wait for ever. Node can't make pipes, so a
 * shell does, and the ends are opened through `/proc`. Given an owner, that user can open them by name too.
 */
export async function openPipes(
  owner: { uid: number; gid: number } | null,
): Promise<StandardPipes> {
  const shell = spawn(toolPath("bash"), ["--norc", "--noprofile", "-c", threePipes], {
    stdio: ["pipe", "pipe", "ignore"],
    env: {},
  })
  try {
    const [line] = (await once(shell.stdout, "data")) as [Buffer]
    const files = String(line)
      .trim()
      .split(" ")
      .map((fd) => `/proc/${shell.pid}/fd/${fd}`)
    return pipesOf(files.map((file, index) => openBoth(file, index === 0, owner)))
  } finally {
    shell.stdin.on("error", () => {}).end()
  }
}

interface Ends {
  readonly childs: number
  readonly monitors: number
}

function pipesOf(ends: readonly Ends[]): StandardPipes {
  const [stdin, stdout, stderr] = ends
  if (stdin === undefined || stdout === undefined || stderr === undefined)
    throw new AmcError("sandbox/start-failed", "no pipes could be made")
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

/** Each end is a description of its own, so that the monitor's is non-blocking and the agent's is not. */
function openBoth(
  file: string,
  isChildReading: boolean,
  owner: { uid: number; gid: number } | null,
): Ends {
  const reading = openSync(file, constants.O_RDONLY)
  const writing = openSync(file, constants.O_WRONLY)
  if (owner !== null) fchownSync(reading, owner.uid, owner.gid)
  return isChildReading
    ? { childs: reading, monitors: writing }
    : { childs: writing, monitors: reading }
}
