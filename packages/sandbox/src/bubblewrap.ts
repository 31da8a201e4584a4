import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { closeSync, openSync, readFileSync, rmSync } from "node:fs"
import path from "node:path"
import type { Readable, Writable } from "node:stream"
import { AmcError, type ProbeRecord } from "@amc/core"
import { type AgentExit, type AgentProcess, end } from "./agent-process.ts"
import { type BoxWatch, watchBox } from "./box-watch.ts"
import { cgroupParents, makeCgroups, type RunCgroups } from "./cgroup.ts"
import type { ProbeTargets } from "./checks.ts"
import { onlyChild, outsideView, processLimit } from "./outside.ts"
import { openPipes, type StandardPipes } from "./pipes.ts"
import { planFds, type SandboxPlan } from "./plan.ts"
import type { ProcessView } from "./probe-answer.ts"
import { ProbeChannel } from "./probe-channel.ts"
import { startedAt } from "./process-view.ts"
import { boxPlace, measureIsolation } from "./probe.ts"
import { type Relay, type RelayWay, startRelays } from "./relay.ts"
import { inBox, type SandboxSpec } from "./spec.ts"
import { until } from "./until.ts"
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
  /** Ends the box without ever starting the agent. */
  refuse(): Promise<void>
}

/**
 * Builds the box and starts the probe in it, with the relay to the gateway listening.
 *
 * @throws {@link AmcError} `sandbox/start-failed` with bubblewrap's own words as the cause
 */
export async function launch(plan: SandboxPlan): Promise<SandboxHandle> {
  const { host, spec } = plan
  const pipes = await openPipes(host.isRoot ? host.user : null)
  const cgroups = makeCgroups(cgroupParents(), path.basename(host.runFolder), spec.limits)
  const child = spawnBox(plan, pipes, cgroups)
  const exit = exitOf(child)
  let relay: Relay | undefined
  let boxPid = 0
  try {
    boxPid = await boxPidOf(child)
    relay = await joinBox(plan, child, boxPid)
    await Promise.all([relay.listening, until(() => onlyChild(boxPid) !== null, 5000)])
    const pid = onlyChild(boxPid)
    if (pid === null)
      throw new AmcError("sandbox/start-failed", "the box ended before the probe began")
    return new Box({ plan, child, boxPid, pipes, cgroups, relay, pid, exit })
  } catch (error) {
    endBox(child, boxPid)
    await Promise.all([exit, relay?.stop()])
    const words = (await allOf(pipes.stderr)).trim()
    await cleanUp(plan, cgroups, relay)
    if (words === "") throw error
    throw new AmcError("sandbox/start-failed", "bubblewrap could not build the box", {
      cause: words,
    })
  }
}

interface BoxParts {
  readonly plan: SandboxPlan
  readonly child: ChildProcess
  readonly boxPid: number
  readonly pipes: StandardPipes
  readonly cgroups: RunCgroups
  readonly relay: Relay
  readonly pid: number
  readonly exit: Promise<ChildExit>
}

class Box implements SandboxHandle {
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

  constructor(parts: BoxParts) {
    this.#parts = parts
    this.pid = parts.pid
    ;({ stdin: this.stdin, stdout: this.stdout, stderr: this.stderr } = parts.pipes)
    this.#channel = new ProbeChannel(this.stdin, this.stdout)
    this.#started = startedAt(parts.pid)
    this.exited = this.#waitForExit()
  }

  async #waitForExit(): Promise<AgentExit> {
    const exit = await this.#parts.exit
    clearTimeout(this.#timer)
    this.#watch?.stop()
    await cleanUp(this.#parts.plan, this.#parts.cgroups, this.#parts.relay)
    const over = this.#exceeded === undefined ? {} : { exceeded: this.#exceeded }
    return { ...exit, timedOut: this.#timedOut, ...over }
  }

  runProbe(targets: ProbeTargets): Promise<ProbeRecord> {
    const { spec, host } = this.#parts.plan
    const outside = () => (this.#atBarrier = this.#outside())
    const { command, env, egressSocket } = spec
    const place = boxPlace(egressSocket !== null)
    return measureIsolation(
      { binary: host.probe, channel: this.#channel, command, env, outside, place },
      targets,
    )
  }

  async skipProbe(): Promise<void> {
    const { command, env } = this.#parts.plan.spec
    await this.#channel.ask({ canary: "there is nothing to find", checks: [], command, env })
  }

  #outside(): ReturnType<typeof outsideView> {
    const { cgroups, plan, pid } = this.#parts
    const { memoryBytes, pids } = cgroups.inForce(pid)
    const byUser = plan.host.hasPidsCgroup ? 0 : processLimit(pid, plan.limits.pids)
    return outsideView(pid, {
      memoryBytes,
      pids: pids === 0 ? byUser : pids,
      seccompProfile: plan.host.seccompProfile,
      ingress: plan.spec.gatewaySocket === null ? "none" : "run-socket",
    })
  }

  async go(): Promise<void> {
    await this.#channel.go()
    this.#timer = setTimeout(() => {
      this.#timedOut = true
      void this.kill()
    }, this.#parts.plan.limits.timeoutMs)
    const { spec, limits } = this.#parts.plan
    this.#watch = watchWork(spec.work, limits.workBytes, (detail) => {
      this.#exceeded = detail
      this.#force()
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
    this.#force()
    await this.exited
  }

  async kill(): Promise<void> {
    await end(
      this.exited,
      () => this.#ask(),
      () => this.#force(),
    )
  }

  /** The agent alone is asked: bubblewrap's own processes would end the box at once. */
  #ask(): void {
    if (startedAt(this.pid) === this.#started) signal(this.pid, "SIGTERM")
  }

  #force(): void {
    endBox(this.#parts.child, this.#parts.boxPid)
  }
}

/**
 * With the box's first process goes its pid namespace, and with that everything in it. Bubblewrap alone would not
 * do while the box is being built: its child asks to die with it only later.
 */
function endBox(child: ChildProcess, boxPid: number): void {
  if (child.exitCode !== null || child.signalCode !== null) return
  if (boxPid > 0) signal(boxPid, "SIGKILL")
  child.kill("SIGKILL")
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It ended just now.
  }
}

/**
 * Joins the cgroups and closes inherited descriptors before bubblewrap begins: the monitor may have been
 * started with descriptors that no agent should hold, and without root `/proc/1/fd` of the box would show them.
 */
const prologue = `
while [ "$1" != -- ]; do echo $$ >"$1" || exit 1; shift; done; shift
for fd in /proc/self/fd/*; do fd=\${fd##*/}; [ "$fd" -gt 5 ] && [ "$fd" -ne 255 ] && eval "exec $fd>&-"; done
exec "$@"`

function spawnBox(plan: SandboxPlan, pipes: StandardPipes, cgroups: RunCgroups): ChildProcess {
  const filter = openSync(path.join(plan.host.runFolder, "seccomp.bpf"), "r")
  try {
    const argv = [
      "--norc",
      "--noprofile",
      "-c",
      prologue,
      "bash",
      ...cgroups.joinFiles,
      "--",
      ...plan.argv,
    ]
    return spawn(plan.host.tools.bash, argv, {
      stdio: [...pipes.childEnds, filter, "pipe", "pipe"],
      env: {},
      cwd: "/",
    })
  } finally {
    closeSync(filter)
    pipes.closeChildEnds()
  }
}

/** Bubblewrap's first process, which lives in the box's namespaces. */
function boxPidOf(child: ChildProcess): Promise<number> {
  // Read to its end and never closed before: bubblewrap writes its status in pieces and would die of a closed one.
  const status = child.stdio[planFds.status] as Readable
  return new Promise((resolve, reject) => {
    let text = ""
    status.on("data", (bytes) => {
      text = (text + String(bytes)).slice(0, 4096)
      const pid = /"child-pid": (\d+)/.exec(text)?.[1]
      if (pid !== undefined) resolve(Number(pid))
    })
    status.on("close", () =>
      reject(new AmcError("sandbox/start-failed", "bubblewrap ended before the box was built")),
    )
  })
}

/** Holds the box's user namespace while it is the one that owns the network, then lets the box be finished. */
async function joinBox(plan: SandboxPlan, child: ChildProcess, boxPid: number): Promise<Relay> {
  const userNamespaceFd = openSync(`/proc/${boxPid}/ns/user`, "r")
  try {
    if (!(await until(() => hasLoopback(boxPid), 5000)))
      throw new AmcError("sandbox/start-failed", "the box has no loopback interface")
    return startRelays({ boxPid, userNamespaceFd }, waysOf(plan.spec), plan.host)
  } finally {
    closeSync(userNamespaceFd)
    const barrier = (child.stdio as readonly unknown[])[planFds.barrier] as Writable
    barrier.on("error", () => {}).end("sandbox\n")
  }
}

function waysOf({ gatewaySocket, egressSocket }: SandboxSpec): RelayWay[] {
  const ways = [
    { port: inBox.gatewayPort, socket: gatewaySocket },
    { port: inBox.egressPort, socket: egressSocket },
  ]
  return ways.flatMap(({ port, socket }) => (socket === null ? [] : [{ port, socket }]))
}

function hasLoopback(boxPid: number): boolean {
  try {
    return readFileSync(`/proc/${boxPid}/net/fib_trie`, "latin1").includes("127.0.0.1")
  } catch {
    return false
  }
}

interface ChildExit {
  readonly code: number | null
  readonly signal: string | null
}

async function exitOf(child: ChildProcess): Promise<ChildExit> {
  try {
    const [code, signal] = (await once(child, "exit")) as [number | null, string | null]
    return { code, signal }
  } catch {
    // The event is `error`: bash itself could not be started.
    return { code: null, signal: null }
  }
}

async function allOf(stream: Readable): Promise<string> {
  let text = ""
  for await (const bytes of stream) text += String(bytes)
  return text.slice(0, 2000)
}

async function cleanUp(
  plan: SandboxPlan,
  cgroups: RunCgroups,
  relay: Relay | undefined,
): Promise<void> {
  await relay?.stop()
  await cgroups.remove()
  rmSync(plan.host.runFolder, { recursive: true, force: true })
}
