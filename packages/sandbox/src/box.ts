import type { Readable, Writable } from "node:stream"
import { AmcError, type ProbeRecord } from "@amc/core"
import { type AgentExit, type AgentProcess, end } from "./agent-process.ts"
import { type BoxWatch, watchBox } from "./box-watch.ts"
import type { ProbeTargets } from "./checks.ts"
import { type DriverView, outsideView } from "./outside.ts"
import type { ProcessView } from "./probe-answer.ts"
import type { ProbeBinary } from "./probe-binary.ts"
import { ProbeChannel } from "./probe-channel.ts"
import { startedAt } from "./process-view.ts"
import { boxPlace, measureIsolation } from "./probe.ts"
import { countRefusedDials, type DialCounter, type RefusedDials } from "./refused-dials.ts"
import type { CallFilter } from "./probe-order.ts"
import type { SandboxSpec } from "./spec.ts"
import type { DeniedTries, TryCounter } from "./try-counter.ts"
import { watchWork, type WorkWatch } from "./work-watch.ts"

/** A box whose first process waits as the probe. Nothing of the agent runs before {@link go}. */
export interface SandboxHandle extends AgentProcess {
  /** @throws {@link AmcError} `sandbox/probe-failed` */
  runProbe(targets: ProbeTargets): Promise<ProbeRecord>
  /**
   * Passes the barrier without a measurement, for a command of the owner's own whose isolation nothing
   * rests on. An agent's session must never be started this way.
   *
   * @throws {@link AmcError} `sandbox/probe-failed`
   */
  skipProbe(): Promise<void>
  /**
   * Lets the agent start; the time limit runs from here. To be called only after the verdict.
   *
   * @throws {@link AmcError} `sandbox/start-failed`; the exit code is then 125
   */
  go(): Promise<void>
  /**
   * Watches all processes of the box from outside until that is stopped; to be called once the agent runs.
   *
   * @throws {@link AmcError} `sandbox/probe-failed` for a box that was not measured
   */
  watch(onDrift: (what: string) => void): BoxWatch
  /** What the agent dialled in vain, by the kernel's count of the box's network; null where that can't be seen. */
  refusedDials(): RefusedDials | null
  /** What the agent tried and was denied, once it has ended; null where nobody counted to the end. */
  deniedTries(): DeniedTries | null
  /** Ends the box without ever starting the agent. */
  refuse(): Promise<void>
}

/** How the box's last process ended, as its driver tells it. */
export type BoxExit = Pick<AgentExit, "code" | "signal" | "outOfMemory">

/** A box that was built, by whatever driver. */
export interface BoxParts {
  readonly spec: SandboxSpec
  readonly probe: ProbeBinary
  /** The first process of the box's pid namespace. */
  readonly boxPid: number
  /** Its child: the probe, and the agent after it. */
  readonly pid: number
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  /** Never rejects. */
  readonly exit: Promise<BoxExit>
  /** Counts what is tried in the box, and is closed with it. */
  readonly tries: TryCounter
  /** What the probe is to put on itself; null for a box whose filter is the engine's. */
  readonly filter: CallFilter | null
  /** What the driver knows of the box, asked for at the barrier. */
  driverView(): DriverView
  /** Ends the box at once, with everything in it. */
  force(): void
  /** Takes away what the box was built from, once it has ended. */
  cleanUp(): Promise<void>
}

/** The handle of a box that was built. */
export class Box implements SandboxHandle {
  readonly pid: number
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  readonly exited: Promise<AgentExit>
  readonly #parts: BoxParts
  readonly #channel: ProbeChannel
  readonly #started: string | null
  #timedOut = false
  #timer: NodeJS.Timeout | undefined
  #watch: WorkWatch | undefined
  #exceeded: string | undefined
  #atBarrier: ProcessView | undefined
  #dials: DialCounter | null = null
  #refusedDials: RefusedDials | null = null
  #deniedTries: DeniedTries | null = null
  #hasAsked = false

  constructor(parts: BoxParts) {
    this.#parts = parts
    this.pid = parts.pid
    ;({ stdin: this.stdin, stdout: this.stdout, stderr: this.stderr } = parts)
    this.#channel = new ProbeChannel(this.stdin, this.stdout)
    this.#started = startedAt(parts.pid)
    this.exited = this.#waitForExit()
  }

  async #waitForExit(): Promise<AgentExit> {
    const exit = await this.#parts.exit
    clearTimeout(this.#timer)
    this.#watch?.stop()
    this.#refusedDials = this.refusedDials()
    this.#dials?.close()
    this.#dials = null
    this.#deniedTries = await this.#lastTries()
    await Promise.all([this.#parts.tries.close(), this.#parts.cleanUp()])
    const over = this.#exceeded === undefined ? {} : { exceeded: this.#exceeded }
    return { ...exit, timedOut: this.#timedOut, ...over }
  }

  async #lastTries(): Promise<DeniedTries | null> {
    const tries = await this.#parts.tries.take().catch(() => null)
    return tries === null || this.#hasAsked ? tries : { ...tries, calls: null }
  }

  runProbe(targets: ProbeTargets): Promise<ProbeRecord> {
    const { spec, probe: binary, filter } = this.#parts
    const { command, env, egressSocket } = spec
    const outside = () => (this.#atBarrier = outsideView(this.pid, this.#parts.driverView()))
    const place = boxPlace(egressSocket !== null)
    return measureIsolation(
      { binary, channel: this.#channel, command, env, filter, outside, place },
      targets,
    )
  }

  async skipProbe(): Promise<void> {
    const { filter, spec } = this.#parts
    const { command, env } = spec
    const canary = "there is nothing to find"
    await this.#channel.ask({ canary, checks: [], command, env, filter })
  }

  refusedDials(): RefusedDials | null {
    return this.#dials?.read() ?? this.#refusedDials
  }

  deniedTries(): DeniedTries | null {
    return this.#deniedTries
  }

  async go(): Promise<void> {
    // What the probe tried must be among what was counted, or it would not be known that anything is.
    this.#hasAsked = ((await this.#parts.tries.take()).calls ?? []).length > 0
    this.#dials = attempt(() => countRefusedDials(this.pid))
    await this.#channel.go()
    this.#timer = setTimeout(() => {
      this.#timedOut = true
      void this.kill()
    }, this.#parts.spec.limits.timeoutMs)
    const { work, limits } = this.#parts.spec
    this.#watch = watchWork(work, limits.workBytes, (detail) => {
      this.#exceeded = detail
      this.#parts.force()
    })
  }

  watch(onDrift: (what: string) => void): BoxWatch {
    const { pid: agentPid } = this
    const [atBarrier, { boxPid }] = [this.#atBarrier, this.#parts]
    if (atBarrier === undefined)
      throw new AmcError("sandbox/probe-failed", "a box that was not measured can't be watched")
    return watchBox({ boxPid, agentPid, atBarrier }, onDrift)
  }

  async refuse(): Promise<void> {
    this.#channel.refuse()
    this.#parts.force()
    await this.exited
  }

  async kill(): Promise<void> {
    await end(
      this.exited,
      () => this.#ask(),
      () => this.#parts.force(),
    )
  }

  /** The agent alone is asked: bubblewrap's own processes would end the box at once. */
  #ask(): void {
    if (startedAt(this.pid) === this.#started) signal(this.pid, "SIGTERM")
  }
}

function attempt<T>(deed: () => T): T | null {
  try {
    return deed()
  } catch {
    // It ended just now.
    return null
  }
}

/** Sends a signal to a process that may have ended just now. */
export function signal(pid: number, name: NodeJS.Signals): void {
  attempt(() => process.kill(pid, name))
}
