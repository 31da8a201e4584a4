import { randomBytes } from "node:crypto"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { callChecks, engineChecks, internetChecks } from "./checks.ts"
import type { CheckResult, ProcessView } from "./probe-answer.ts"
import { probeBinary } from "./probe-binary.ts"
import { ProbeChannel } from "./probe-channel.ts"
import type { CheckSpec, ProbeOrder } from "./probe-order.ts"

/** One thing that was tried. */
export interface InsideCheck extends CheckResult {
  readonly id: string
}

/** What a process here could do and reach, by its own account. */
export interface InsideView {
  readonly checks: readonly InsideCheck[]
  /** What the kernel tells the process of itself. */
  readonly inside: ProcessView
  readonly probe_sha256: string
}

/**
 * Runs the probe here, with no monitor: nobody looks from outside, nothing has a control, and what is not known
 * here is not tried. What it reached is a hole; what it did not reach proves nothing.
 *
 * @throws {@link AmcError} `sandbox/unavailable` where there is no probe, `sandbox/probe-failed`
 */
export async function probeInside(
  env: Readonly<Record<string, string>>,
  internet: boolean,
): Promise<InsideView> {
  const binary = probeBinary()
  const child = spawn(binary.file, [], { stdio: ["pipe", "pipe", "ignore"], env: {} })
  const gone = once(child, "exit").catch(() => {})
  child.stdin.on("error", () => {})
  try {
    const canary = randomBytes(32).toString("hex")
    const order: ProbeOrder = { canary, checks: checksHere(internet), command: [], env }
    const { results, inside } = await new ProbeChannel(child.stdin, child.stdout).ask(order)
    const checks = [...results].map(([id, result]) => ({ id, ...result }))
    return { checks, inside, probe_sha256: binary.sha256 }
  } finally {
    child.kill("SIGKILL")
    await gone
  }
}

function checksHere(internet: boolean): readonly { id: string; spec: CheckSpec }[] {
  const planned = [...engineChecks(), ...(internet ? internetChecks() : []), ...callChecks()]
  const own: Readonly<Record<string, CheckSpec>> = {
    "env.secrets": { kind: "env", args: [] },
    "process.init_environ": { kind: "read", args: ["/proc/1/environ"] },
    "process.init_memory": { kind: "read", args: ["/proc/1/mem"] },
    // A name that no file has: only a workspace's state ends this walk.
    "walk.state": { kind: "walk", args: ["/", "/"] },
    "kernel.core_pattern": { kind: "write", args: ["/proc/sys/kernel/core_pattern"] },
    "kernel.sysrq": { kind: "write", args: ["/proc/sysrq-trigger"] },
    "kernel.sys": { kind: "write", args: ["/sys/kernel/uevent_helper"] },
    "kernel.cgroup": { kind: "write", args: ["/sys/fs/cgroup"] },
    "hardening.root_write": { kind: "write", args: ["/"] },
    "hardening.usr_write": { kind: "write", args: ["/usr"] },
  }
  return [
    ...planned.map(({ id, inside }) => ({ id, spec: inside })),
    ...Object.entries(own).map(([id, spec]) => ({ id, spec })),
  ]
}
