import { AmcError, surfaceCalls } from "@amc/core"
import type { Canaries } from "./canary.ts"
import type { CheckKind, CheckSpec } from "./probe-order.ts"
import { startedAt } from "./process-view.ts"
import type { Stand, Stands } from "./stand.ts"

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

interface Endpoint {
  readonly host: string
  readonly port: number
}

/** Where things are for a process that is probed. */
export interface ProbePlace {
  /** Where the gateway is for the agent. */
  readonly gateway: Endpoint
  /** The same for the egress proxy, if it has one. */
  readonly egress: Endpoint | null
  readonly work: string
  readonly probe: string
  /** The folder below which the canary is looked for. */
  readonly walkRoot: string
  /** Whether addresses of the internet are dialled. */
  readonly internet: boolean
}

/** A check with what is tried inside, and what the same code tries outside as its control. */
export interface PlannedCheck {
  readonly id: string
  readonly expect: "denied" | "reached"
  readonly inside: CheckSpec
  /** For what must be reached, something that is not there: the control is that the code says so. */
  readonly outside: CheckSpec | null
  /** What is tried where the program has made it reachable, for what this machine may not have. */
  readonly standIn: CheckSpec | null
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
  stands: Stands,
  place: ProbePlace,
): readonly PlannedCheck[] {
  // What listens there answers at once, and with no HTTP.
  const noGateway = at("http", canaries.tcp[0] ?? { host: "127.0.0.1", port: 1 })
  const checks = [
    ...secretChecks(targets, canaries, place.walkRoot),
    ...networkChecks(targets, canaries),
    ...engineChecks(),
    ...(place.internet ? internetChecks() : []),
    ...processChecks(canaries, stands),
    ...kernelChecks(canaries.scratch, place),
    ...callChecks(),
    reach("gateway.http", at("http", place.gateway), noGateway),
    ...(place.egress === null ? [] : [reach("egress.http", at("http", place.egress), noGateway)]),
    reach("workspace.write", check("write", place.work), check("write", `${canaries.scratch}-not`)),
  ]
  const ids = new Set(checks.map(({ id }) => id))
  const isNamed = checks.every(({ id }) => /^[a-z]+\.[a-z0-9_]{1,48}$/.test(id))
  if (!isNamed || ids.size !== checks.length || checks.length > mostChecks)
    throw new AmcError("usage/invalid", "the probe's targets are too many or badly named")
  return checks
}

function secretChecks(targets: ProbeTargets, canaries: Canaries, walkRoot: string): PlannedCheck[] {
  const sockets = { ...targets.sockets, canary: canaries.socket }
  const name = canaries.file.slice(canaries.file.lastIndexOf("/") + 1)
  return [
    ...Object.entries(targets.files).map(([id, path]) => deny(`file.${id}`, check("read", path))),
    deny("file.canary", check("read", canaries.file, canaries.secret)),
    ...Object.entries(sockets).map(([id, path]) => deny(`socket.${id}`, check("unix", path))),
    deny("abstract.canary", check("abstract", canaries.abstract)),
    deny(
      "walk.canary",
      check("walk", walkRoot, name, "modules"),
      check("walk", targets.canaryFolder, name),
    ),
  ]
}

function networkChecks(targets: ProbeTargets, canaries: Canaries): PlannedCheck[] {
  const named = (index: number): string => (index === 0 ? "loopback" : `host_${index}`)
  return [
    ...canaries.tcp.map((place, index) => deny(`tcp.${named(index)}`, at("tcp", place))),
    ...canaries.udp.map((place, index) => deny(`udp.${named(index)}`, at("udp", place))),
    ...Object.entries(targets.ports).map(([id, port]) =>
      deny(`tcp.${id}`, at("tcp", { host: "127.0.0.1", port })),
    ),
  ]
}

/** Who may talk to one of these owns the machine. Most hosts have none, so that the control is a stand-in. */
export function engineChecks(): readonly PlannedCheck[] {
  const own = `/run/user/${process.getuid?.() ?? 0}`
  const sockets = {
    docker: "/var/run/docker.sock",
    docker_run: "/run/docker.sock",
    docker_own: `${own}/docker.sock`,
    podman: "/run/podman/podman.sock",
    podman_own: `${own}/podman/podman.sock`,
    containerd: "/run/containerd/containerd.sock",
    // What starts and stops services is as good as an engine.
    systemd: "/run/systemd/private",
    dbus: "/run/dbus/system_bus_socket",
  }
  return Object.entries(sockets).map(([id, path]) => {
    const spec = check("unix", path)
    return { ...deny(`engine.${id}`, spec), standIn: spec }
  })
}

/** The monitor dials nobody who was not asked for: its control has these addresses in a network of its own. */
export function internetChecks(): readonly PlannedCheck[] {
  const tries = {
    tcp: check("tcp", "1.1.1.1", "443"),
    dns: check("dns", "8.8.8.8", "53"),
    // Names can leave by a resolver that listens on the loopback: systemd's, or an engine's own.
    dns_stub: check("dns", "127.0.0.53", "53"),
    dns_engine: check("dns", "127.0.0.11", "53"),
    metadata: check("tcp", "169.254.169.254", "80"),
    metadata_v6: check("tcp", "fd00:ec2::254", "80"),
  }
  return Object.entries(tries).map(([id, inside]) => ({
    ...deny(`internet.${id}`, inside),
    outside: null,
    standIn: inside,
  }))
}

function processChecks({ secret }: Canaries, { inside, outside }: Stands): PlannedCheck[] {
  const monitor = [String(process.pid), startedAt("self") ?? ""] as const
  const from = ({ pid, address, fd }: Stand, kind: CheckKind): CheckSpec =>
    check(kind, pid, address, fd)
  const byCall = (kind: CheckKind): PlannedCheck =>
    deny(`monitor.${kind}`, from(inside, kind), from(outside, kind))
  // A process that lets itself be traced, as the monitor itself need not be able to.
  const byFile = (part: string): PlannedCheck =>
    deny(
      `monitor.own_${part}`,
      check("part", ...monitor, part),
      check("part", outside.pid, outside.started, part),
    )
  return [
    deny("env.secrets", check("env"), check("env", secret)),
    deny("process.visible", check("visible", ...monitor)),
    deny("process.environ", check("environ")),
    deny("process.memory", from(inside, "memory"), from(outside, "memory")),
    ...(["fd", "vm_readv", "pidfd", "ptrace"] as const).map(byCall),
    ...["mem", "environ", "fd", "root", "cwd"].map(byFile),
  ]
}

/** The control opens a file of the monitor's with the same code: it must not touch the host's settings. */
function kernelChecks(scratch: string, place: ProbePlace): PlannedCheck[] {
  const file = check("write", scratch)
  const folder = check("write", scratch.slice(0, scratch.lastIndexOf("/")))
  const write = (id: string, path: string, control: CheckSpec): PlannedCheck =>
    deny(id, check("write", path), control)
  return [
    write("kernel.core_pattern", "/proc/sys/kernel/core_pattern", file),
    write("kernel.sysrq", "/proc/sysrq-trigger", file),
    write("kernel.sys", "/sys/kernel/uevent_helper", file),
    write("kernel.cgroup", "/sys/fs/cgroup", folder),
    write("hardening.root_write", "/", folder),
    write("hardening.usr_write", "/usr", folder),
    write("hardening.probe_write", place.probe, file),
  ]
}

/** System calls that an agent has no honest use for. Some of `surface` can be made by nobody here. */
export function callChecks(): readonly PlannedCheck[] {
  const hardening = ["userns", "vsock", "io_uring"]
  return [
    ...hardening.map((name) => deny(`hardening.${name}`, check("call", name))),
    ...surfaceCalls.map((name) => ({
      ...deny(`surface.${name}`, check("call", name)),
      standIn: check("call", name),
    })),
  ]
}

function check(kind: CheckKind, ...args: readonly string[]): CheckSpec {
  return { kind, args }
}

function at(kind: CheckKind, { host, port }: Endpoint): CheckSpec {
  return check(kind, host, String(port))
}

function deny(id: string, inside: CheckSpec, outside: CheckSpec = inside): PlannedCheck {
  return { id, expect: "denied", inside, outside, standIn: null }
}

function reach(id: string, inside: CheckSpec, outside: CheckSpec): PlannedCheck {
  return { id, expect: "reached", inside, outside, standIn: null }
}
