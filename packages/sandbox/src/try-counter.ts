import { spawn } from "node:child_process"
import { once } from "node:events"
import { closeSync, openSync } from "node:fs"
import path from "node:path"
import type { Readable, Writable } from "node:stream"
import { AmcError } from "@amc/core"
import type { ProbeBinary } from "./probe-binary.ts"
import { readLine } from "./probe-channel.ts"
import { tableOf } from "./seccomp.ts"

/** A kind of call that was tried and refused. */
export interface RefusedCall {
  /** Its name; for sockets with the number of the family, such as `socket_16`. */
  readonly call: string
  readonly count: number
  /** Milliseconds since 1970, by this machine's clock. */
  readonly firstMs: number
  readonly lastMs: number
}

/** What an agent tried and was denied, as a process outside its box counted it. */
export interface DeniedTries {
  /** Null where the box's filter does not ask. */
  readonly calls: readonly RefusedCall[] | null
  /** How often at least something was opened that is shown empty; null where this machine has no watch left. */
  readonly opens: number | null
}

/** Counts what is tried in one box. It lies outside, and whoever ends it makes no call pass. */
export interface TryCounter {
  /** The box's end of the socket on which the probe hands over its filter's listener; to be destroyed once the box has it. */
  readonly boxEnd: Writable
  /**
   * Resolves once it counts.
   *
   * @throws {@link AmcError} `sandbox/start-failed`
   */
  readonly ready: Promise<void>
  /**
   * What was tried since this was asked last, or since the start.
   *
   * @throws {@link AmcError} `sandbox/start-failed` if nobody counts any more
   */
  take(): Promise<DeniedTries>
  close(): Promise<void>
}

/** What is shown in place of hidden folders and files, in a run's folder. */
export const emptyNames = { folder: "nothing", file: "empty" } as const

/** Starts the counter, which answers the calls that the box's filter asks about with EPERM. */
export function startTryCounter(binary: ProbeBinary, runFolder: string): TryCounter {
  const watched = Object.values(emptyNames).map((name) => path.join(runFolder, name))
  const boxFd = 3
  const child = spawn(binary.file, ["tries", String(boxFd), ...watched], {
    stdio: ["pipe", "pipe", "ignore", "pipe"],
    env: {},
    cwd: "/",
  })
  const gone = once(child, "exit").catch(() => {})
  const [stdin, stdout, , boxEnd] = child.stdio as unknown as [Writable, Readable, null, Writable]
  stdin.on("error", () => {})
  const take = async (): Promise<DeniedTries> => {
    stdin.write("?")
    return tallyOf(await answerOf(stdout))
  }
  // What is opened here must be among what is counted, or nothing would show that anything is.
  const isWatching = take().then(async () => {
    for (const each of watched) closeSync(openSync(each, "r"))
    return (await take()).opens === watched.length
  })
  const ready = isWatching.then(() => undefined)
  ready.catch(() => undefined)
  return {
    boxEnd,
    ready,
    take: async () => {
      const [counts, tries] = [await isWatching, await take()]
      return counts ? tries : { ...tries, opens: null }
    },
    close: async () => {
      child.kill("SIGKILL")
      await gone
    },
  }
}

const mostLines = 1024

async function answerOf(stdout: Readable): Promise<readonly string[]> {
  const lines: string[] = []
  for (let line = await readLine(stdout); line !== "end"; line = await readLine(stdout))
    if (line === null || lines.push(line) > mostLines) throw notCounted()
  return lines
}

function tallyOf([first, ...lines]: readonly string[]): DeniedTries {
  const counts = lines.map((line) => {
    const [kind, ...numbers] = line.split(" ")
    const [number = 0, count = 0, firstMs = 0, lastMs = 0] = numbers.map(Number)
    return { kind, number, count, firstMs, lastMs }
  })
  const calls = counts
    .filter(({ kind }) => kind !== "open")
    .map(({ kind, number, ...tally }) => ({
      call: nameOf(kind, number),
      count: tally.count,
      firstMs: tally.firstMs,
      lastMs: tally.lastMs,
    }))
  const opens = counts.find(({ kind }) => kind === "open")?.count ?? 0
  return { calls: first === "listens" ? calls : null, opens }
}

function nameOf(kind: string | undefined, number: number): string {
  if (kind === "family") return `socket_${number}`
  const { denied, asked } = tableOf(process.arch)
  const found = Object.entries({ ...denied, ...asked }).find(([, each]) => each === number)
  return found?.[0] ?? `call_${number}`
}

function notCounted(): AmcError {
  return new AmcError("sandbox/start-failed", "nobody counts what the agent tries")
}
