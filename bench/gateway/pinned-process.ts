import { type ChildProcess, spawn } from "node:child_process"

/** What a target of the bench answers to `{ ask: "usage" }`. */
export interface Usage {
  /** Of all its threads, in microseconds. */
  readonly cpuMicros: number
  readonly rssBytes: number
  /** Events in the ledger; 0 for one that keeps none. */
  readonly events: number
}

/** A process of the bench on one core, which answers one question at a time. */
export class PinnedProcess {
  readonly #child: ChildProcess

  private constructor(child: ChildProcess) {
    this.#child = child
  }

  /** Starts `bench/gateway/<name>-main.ts`, or one at a path from there, on a core, and waits for its first message. */
  static async start<T>(
    name: string,
    core: number,
    terms: unknown,
  ): Promise<{ process: PinnedProcess; ready: T }> {
    const file = new URL(`./${name}-main.ts`, import.meta.url).pathname
    const own = (process.env["BENCH_NODE_OPTIONS"] ?? "").split(" ").filter(Boolean)
    const extra = name === process.env["BENCH_PROFILED"] ? own : []
    const argv = ["-c", `${core}`, process.execPath, ...extra, file, JSON.stringify(terms)]
    const child = spawn("taskset", argv, { stdio: ["ignore", "inherit", "inherit", "ipc"] })
    const started = new PinnedProcess(child)
    return { process: started, ready: await started.#answer<T>() }
  }

  ask<T>(question: unknown): Promise<T> {
    const answer = this.#answer<T>()
    this.#child.send(question as object)
    return answer
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("exit", resolve))
    this.#child.disconnect()
    await ended
  }

  #answer<T>(): Promise<T> {
    return new Promise((resolve, reject) => {
      const died = (): void => reject(new Error("a process of the bench died"))
      this.#child.once("exit", died)
      this.#child.once("error", reject)
      this.#child.once("message", (message) => {
        this.#child.off("exit", died)
        this.#child.off("error", reject)
        resolve(message as T)
      })
    })
  }
}

/** Answers a bench's questions until it lets go. */
export function serve(
  ready: unknown,
  answer: (question: never) => unknown,
  end: () => Promise<void> | void,
): void {
  process.on("message", async (question) => process.send?.(await answer(question as never)))
  process.on("disconnect", () => void end())
  process.send?.(ready)
}

export function usage(events = 0): Usage {
  const { user, system } = process.cpuUsage()
  return { cpuMicros: user + system, rssBytes: process.memoryUsage.rss(), events }
}
