import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { AmcError } from "@amc/core"
import type { Canaries } from "./canary.ts"
import { type CheckSpec, startedAt } from "./probe-main.ts"
import { inBox } from "./spec.ts"

/**
 * What the agent must not reach. All of it must exist when the probe runs: what the monitor itself can't
 * reach is no control, and the posture is then `shared`.
 */
export interface ProbeTargets {
  /** Host paths by name; each becomes the check `file.<name>`. Vault and ledger are required. */
  readonly files: Readonly<Record<string, string>> & {
    readonly vault: string
    readonly ledger: string
  }
  /** Unix sockets by name, such as the notary's; each becomes `socket.<name>`. */
  readonly sockets: Readonly<Record<string, string>>
  /** TCP ports on the host's loopback by name, such as Studio's; each becomes `tcp.<name>`. */
  readonly ports: Readonly<Record<string, number>>
  /** A folder beside the vault in which a canary may be made for the time of the probe. */
  readonly canaryFolder: string
}

/** A check with what is tried inside, and what the same code tries outside as its control. */
export interface PlannedCheck {
  readonly id: string
  readonly expect: "denied" | "reached"
  readonly inside: CheckSpec
  readonly outside: CheckSpec | null
}

const mostChecks = 128

/**
 * The list of checks for one probe.
 *
 * @throws {@link AmcError} `usage/invalid` for more or other names than an event can hold
 */
export function planChecks(
  targets: ProbeTargets,
  canaries: Canaries,
  {
    env,
    hasEgress,
  }: { readonly env: Readonly<Record<string, string>>; readonly hasEgress: boolean },
): readonly PlannedCheck[] {
  const checks = [
    ...secretChecks(targets, canaries),
    ...networkChecks(targets, canaries),
    ...processChecks(canaries, env),
    ...kernelChecks(canaries.scratch),
    reach("gateway.http", { kind: "http", host: inBox.gatewayHost, port: inBox.gatewayPort }),
    ...(hasEgress
      ? [reach("egress.http", { kind: "http", host: inBox.gatewayHost, port: inBox.egressPort })]
      : []),
    reach("workspace.write", { kind: "write", path: inBox.work }),
  ]
  const ids = new Set(checks.map(({ id }) => id))
  const isNamed = checks.every(({ id }) => /^[a-z]+\.[a-z0-9_]{1,48}$/.test(id))
  if (!isNamed || ids.size !== checks.length || checks.length > mostChecks)
    throw new AmcError("usage/invalid", "the probe's targets are too many or badly named")
  return checks
}

function secretChecks(targets: ProbeTargets, canaries: Canaries): PlannedCheck[] {
  const files = { ...targets.files, canary: canaries.file }
  const sockets = { ...targets.sockets, canary: canaries.socket }
  const name = canaries.file.slice(canaries.file.lastIndexOf("/") + 1)
  return [
    ...Object.entries(files).map(([id, path]) => deny(`file.${id}`, { kind: "read", path })),
    ...Object.entries(sockets).map(([id, path]) => deny(`socket.${id}`, { kind: "unix", path })),
    deny("abstract.canary", { kind: "unix", path: canaries.abstract }),
    deny(
      "walk.canary",
      { kind: "walk", roots: ["/"], name },
      { kind: "walk", roots: [targets.canaryFolder], name },
    ),
  ]
}

function networkChecks(targets: ProbeTargets, canaries: Canaries): PlannedCheck[] {
  const named = (index: number): string => (index === 0 ? "loopback" : `host_${index}`)
  return [
    ...canaries.tcp.map((at, index) => deny(`tcp.${named(index)}`, { kind: "tcp", ...at })),
    ...canaries.udp.map((at, index) => deny(`udp.${named(index)}`, { kind: "udp", ...at })),
    ...Object.entries(targets.ports).map(([id, port]) =>
      deny(`tcp.${id}`, { kind: "tcp", host: "127.0.0.1", port }),
    ),
  ]
}

function processChecks(canaries: Canaries, env: Readonly<Record<string, string>>): PlannedCheck[] {
  const canary = canaries.secret
  const self = { pid: process.pid, started: startedAt("self") ?? "" }
  const sha256 = createHash("sha256").update(readFileSync("/proc/self/environ")).digest("hex")
  return [
    deny(
      "env.secrets",
      { kind: "env", env, canary },
      { kind: "env", env: { ...env, LEAK: canary }, canary },
    ),
    deny("process.visible", { kind: "visible", ...self }),
    deny("process.environ", { kind: "environ", sha256 }),
    deny("process.memory", { kind: "memory", ...self }),
  ]
}

/** The control opens a file of the monitor's with the same code: it must not touch the host's settings. */
function kernelChecks(scratch: string): PlannedCheck[] {
  const file: CheckSpec = { kind: "write", path: scratch }
  const folder: CheckSpec = { kind: "write", path: scratch.slice(0, scratch.lastIndexOf("/")) }
  const write = (id: string, path: string, control: CheckSpec): PlannedCheck =>
    deny(id, { kind: "write", path }, control)
  return [
    write("kernel.core_pattern", "/proc/sys/kernel/core_pattern", file),
    write("kernel.sysrq", "/proc/sysrq-trigger", file),
    write("kernel.sys", "/sys/kernel/uevent_helper", file),
    write("kernel.cgroup", "/sys/fs/cgroup", folder),
    write("hardening.root_write", "/", folder),
    write("hardening.usr_write", "/usr", folder),
    write("hardening.probe_write", inBox.probe, file),
    deny("hardening.userns", { kind: "userns" }),
  ]
}

function deny(id: string, inside: CheckSpec, outside: CheckSpec = inside): PlannedCheck {
  return { id, expect: "denied", inside, outside }
}

function reach(id: string, inside: CheckSpec): PlannedCheck {
  return { id, expect: "reached", inside, outside: null }
}
