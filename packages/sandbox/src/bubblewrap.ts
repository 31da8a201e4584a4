import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { closeSync, openSync, readFileSync, rmSync } from "node:fs"
import path from "node:path"
import type { Readable, Writable } from "node:stream"
import { AmcError } from "@amc/core"
import { Box, type BoxExit, type SandboxHandle, signal } from "./box.ts"
import { cgroupParents, makeCgroups, type RunCgroups } from "./cgroup.ts"
import { onlyChild, processLimit } from "./outside.ts"
import type { DriverView } from "./outside.ts"
import { openPipes, type StandardPipes } from "./pipes.ts"
import { type BubblewrapPlan, planFds } from "./plan.ts"
import { type Relay, startRelays, waysOf } from "./relay.ts"
import { startTryCounter, type TryCounter } from "./try-counter.ts"
import { until } from "./until.ts"

/**
 * Builds the box and starts the probe in it, with the relay to the gateway listening.
 *
 * @throws {@link AmcError} `sandbox/start-failed` with bubblewrap's own words as the cause
 */
export async function launchBubblewrap(plan: BubblewrapPlan): Promise<SandboxHandle> {
  const { host, spec } = plan
  const pipes = await openPipes(host.isRoot ? host.user : null)
  const tries = startTryCounter(host.probe, host.runFolder)
  const cgroups = makeCgroups(cgroupParents(), path.basename(host.runFolder), spec.limits)
  const child = spawnBox(plan, pipes, cgroups, tries)
  const exit = exitOf(child)
  let relay: Relay | undefined
  let boxPid = 0
  try {
    boxPid = await boxPidOf(child)
    relay = await joinBox(plan, child, boxPid)
    await Promise.all([relay.listening, tries.ready, until(() => onlyChild(boxPid) !== null, 5000)])
    const pid = onlyChild(boxPid)
    if (pid === null)
      throw new AmcError("sandbox/start-failed", "the box ended before the probe began")
    const { stdin, stdout, stderr } = pipes
    return new Box({
      spec,
      probe: host.probe,
      boxPid,
      pid,
      stdin,
      stdout,
      stderr,
      tries,
      filter: { program: host.askingFilter, descriptor: planFds.tries },
      exit: exit.then((ended) => ({ ...ended, outOfMemory: cgroups.hasRunOut() })),
      driverView: () => viewOf(plan, cgroups, pid),
      force: () => endBox(child, boxPid),
      cleanUp: () => cleanUp(plan, cgroups, relay),
    })
  } catch (error) {
    endBox(child, boxPid)
    await Promise.all([exit, relay?.stop(), tries.close()])
    const words = (await allOf(pipes.stderr)).trim()
    await cleanUp(plan, cgroups, relay)
    if (words === "") throw error
    throw new AmcError("sandbox/start-failed", "bubblewrap could not build the box", {
      cause: words,
    })
  }
}

function viewOf(plan: BubblewrapPlan, cgroups: RunCgroups, pid: number): DriverView {
  const { memoryBytes, pids } = cgroups.inForce(pid)
  const byUser = plan.host.hasPidsCgroup ? 0 : processLimit(pid, plan.limits.pids)
  return {
    memoryBytes,
    pids: pids === 0 ? byUser : pids,
    seccompProfile: plan.host.seccompProfile,
    ingress: plan.spec.gatewaySocket === null ? "none" : "run-socket",
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

/**
 * Joins the cgroups and closes inherited descriptors before bubblewrap begins: the monitor may have been
 * started with descriptors that no agent should hold, and without root `/proc/1/fd` of the box would show them.
 */
const prologue = `
while [ "$1" != -- ]; do echo $$ >"$1" || exit 1; shift; done; shift
for fd in /proc/self/fd/*; do fd=\${fd##*/}; [ "$fd" -gt 6 ] && [ "$fd" -ne 255 ] && eval "exec $fd>&-"; done
exec "$@"`

function spawnBox(
  plan: BubblewrapPlan,
  pipes: StandardPipes,
  cgroups: RunCgroups,
  tries: TryCounter,
): ChildProcess {
  const filter = openSync(path.join(plan.host.runFolder, "seccomp"), "r")
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
      stdio: [...pipes.childEnds, filter, "pipe", "pipe", tries.boxEnd],
      env: {},
      cwd: "/",
    })
  } finally {
    closeSync(filter)
    pipes.closeChildEnds()
    tries.boxEnd.destroy()
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
async function joinBox(plan: BubblewrapPlan, child: ChildProcess, boxPid: number): Promise<Relay> {
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

function hasLoopback(boxPid: number): boolean {
  try {
    return readFileSync(`/proc/${boxPid}/net/fib_trie`, "latin1").includes("127.0.0.1")
  } catch {
    return false
  }
}

async function exitOf(child: ChildProcess): Promise<Omit<BoxExit, "outOfMemory">> {
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
  plan: BubblewrapPlan,
  cgroups: RunCgroups,
  relay: Relay | undefined,
): Promise<void> {
  await relay?.stop()
  await cgroups.remove()
  rmSync(plan.host.runFolder, { recursive: true, force: true })
}
