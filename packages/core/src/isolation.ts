/** One thing that the isolation probe tried from inside, and whether it can be done at all from outside. */
export interface ProbeCheck {
  readonly id: string
  readonly expect: "denied" | "reached"
  readonly outcome: "denied" | "reached" | "inconclusive"
  /**
   * What the same code found outside the sandbox; `stand_in` where it reached what it had put at the same address
   * itself, in namespaces of its own, and `none` where nothing was tried. For what must be reached, something that
   * is not there was tried.
   */
  readonly control: "reached" | "stand_in" | "denied" | "none"
}

export type SeenValue = string | number | boolean

/** What the probe found and what the monitor saw of the same process: the facts of `sandbox_probe`. */
export interface ProbeRecord {
  readonly checks: readonly ProbeCheck[]
  readonly inside: Readonly<Record<string, SeenValue>>
  readonly outside: Readonly<Record<string, SeenValue>>
  /** Said by the recorder; {@link judgeIsolation} compares the two views itself. */
  readonly agree: boolean
  /**
   * SHA-256 of the probe's program, which the process at the barrier must be running. Records from before
   * there was one program have none, and less is asked of them.
   */
  readonly probe_sha256?: string | undefined
}

export interface IsolationVerdict {
  readonly posture: "measured" | "shared"
  readonly hardened: boolean
  /** Why it is not measured, or else why it is not hardened; stable texts, most important first. */
  readonly reasons: readonly string[]
}

/** Without these, what was left out could have been reached. */
export const requiredDenials = [
  "file.vault",
  "file.ledger",
  "file.canary",
  "walk.canary",
  "socket.canary",
  "abstract.canary",
  "tcp.loopback",
  "udp.loopback",
  "env.secrets",
  "process.visible",
  "process.environ",
  "process.memory",
  "kernel.core_pattern",
  "kernel.sysrq",
  "kernel.sys",
] as const
/** System calls that are tried beside those of {@link hardeningChecks}; each is the check `surface.<name>`. */
export const surfaceCalls = [
  "alg",
  "bpf",
  "chroot",
  "keyctl",
  "mount",
  "netlink",
  "packet",
  "perf",
  "raw",
  "setns",
  "setuid",
  "tiocsti",
  "userfaultfd",
] as const
/** What a record of the probe's program must hold as well, whether or not there is a control. */
export const requiredTries = [
  "engine.docker",
  "engine.podman",
  "internet.tcp",
  "internet.dns",
  "internet.metadata",
  "monitor.fd",
  "monitor.vm_readv",
  "monitor.pidfd",
  "monitor.ptrace",
] as const
/** A box that reaches nothing produces no evidence, so it must not count as a good one. */
export const requiredReaches = ["gateway.http", "workspace.write"] as const
/** Checks that decide about hardening alone. */
export const hardeningChecks = [
  "hardening.root_write",
  "hardening.usr_write",
  "hardening.probe_write",
  "hardening.userns",
] as const

/** Checks that decide about the hardening of a record of the probe's program. */
export const hardeningTries = [
  "hardening.vsock",
  "hardening.io_uring",
  ...surfaceCalls.map((name) => `surface.${name}` as const),
] as const

const separateNamespaces = ["mnt", "pid", "net", "ipc", "uts"] as const
/** Facts that the inside view and the outside view both hold, and that must be equal. */
export const agreedFacts = [
  "uid",
  "gid",
  "groups",
  "cap_eff",
  "cap_bnd",
  "no_new_privs",
  "seccomp",
  "interfaces",
  "default_route",
  "root_read_only",
  "ns_user",
  "ns_cgroup",
  ...separateNamespaces.map((name) => `ns_${name}` as const),
] as const

/** Facts that both views of a record of the probe's program must hold as well. */
export const agreedProbeFacts = [
  "cap_prm",
  "cap_inh",
  "cap_amb",
  "seccomp_filters",
  "mounts",
  "rlimit_core",
  "rlimit_fsize",
  "rlimit_nproc",
  "rlimit_nofile",
] as const

/**
 * What a probe's record says of the agent's isolation: a pure function of the signed event, so that an
 * offline verifier comes to the monitor's own verdict (DESIGN.md section 7).
 *
 * `measured` needs every must-deny check denied with a control that reached, every must-reach check
 * reached with one that was denied, all required checks, and two views that agree. Anything else is `shared`. Checks
 * of `engine`, `internet` and `surface` can't have a control on every machine: what they reached counts against the
 * box, without a control they count for nothing, and a box is not hardened then if {@link requiredTries} are among
 * them. A network with interfaces is no better than the monitor's
 * own unless the monitor closed it in the box's namespace; such a box is not hardened. The record must come from an event whose signature
 * was verified.
 */
export function judgeIsolation(record: ProbeRecord): IsolationVerdict {
  const open = [
    ...missingChecks(record),
    ...record.checks.filter((check) => !isHardening(check.id)).flatMap(failureOf),
    ...withoutCounterControl(record),
    ...(isOtherProgram(record) ? ["the process at the barrier is not the probe"] : []),
    ...disagreements(record),
    ...sharedParts(record),
  ]
  if (open.length > 0) return { posture: "shared", hardened: false, reasons: open }
  const soft = softSpots(record)
  return { posture: "measured", hardened: soft.length === 0, reasons: soft }
}

function isHardening(id: string): boolean {
  return /^(?:hardening|surface)\./.test(id)
}

/** Not every machine can have a control for these: reached counts against a box all the same. */
function isOftenUncontrolled(id: string): boolean {
  return /^(?:engine|internet|surface)\./.test(id)
}

/**
 * Whether the control shows that the check can come out both ways: without that, what was found is inconclusive.
 */
export function hasControl({ expect, control }: Pick<ProbeCheck, "expect" | "control">): boolean {
  if (expect === "reached") return control === "denied"
  return control === "reached" || control === "stand_in"
}

function isOtherProgram({ probe_sha256, outside }: ProbeRecord): boolean {
  return probe_sha256 !== undefined && seen(outside, "exe_sha256") !== probe_sha256
}

function missingChecks({ checks, probe_sha256 }: ProbeRecord): string[] {
  const denials = new Set(checks.filter((c) => c.expect === "denied").map((c) => c.id))
  const reaches = new Set(checks.filter((c) => c.expect === "reached").map((c) => c.id))
  return [
    ...[...requiredDenials, ...(probe_sha256 === undefined ? [] : requiredTries)].filter(
      (id) => !denials.has(id),
    ),
    ...requiredReaches.filter((id) => !reaches.has(id)),
  ].map((id) => `${id} was not checked`)
}

function failureOf(check: ProbeCheck): string[] {
  const { id, expect, outcome } = check
  if (expect === "reached") return outcome === "reached" ? [] : [`${id} was not reached`]
  if (outcome === "reached") return [`${id} was reached`]
  return isOftenUncontrolled(id) ? [] : doubtIn(check)
}

/** Why what was denied shows nothing, if it does not. */
function doubtIn(check: ProbeCheck): string[] {
  if (!hasControl(check)) return [`${check.id} has no control that reached`]
  return check.outcome === "denied" ? [] : [`${check.id} is inconclusive`]
}

/** What must be reached counts only where the same code was seen to say that something is not there. */
function withoutCounterControl({ checks, probe_sha256 }: ProbeRecord): string[] {
  if (probe_sha256 === undefined) return []
  return checks
    .filter((check) => check.expect === "reached" && !hasControl(check))
    .map(({ id }) => `${id} has no control that was denied`)
}

function disagreements({ inside, outside, probe_sha256 }: ProbeRecord): string[] {
  return [...agreedFacts, ...(probe_sha256 === undefined ? [] : agreedProbeFacts)]
    .filter(
      (name) => seen(inside, name) === undefined || seen(inside, name) !== seen(outside, name),
    )
    .map((name) => `inside and outside differ on ${name}`)
}

function sharedParts(record: ProbeRecord): string[] {
  const { outside } = record
  const reasons: string[] = separateNamespaces
    .filter((name) => {
      const monitors = seen(outside, `monitor_ns_${name}`)
      return monitors === undefined || monitors === seen(outside, `ns_${name}`)
    })
    .map((name) => `the ${name} namespace is the monitor's`)
  if (seen(outside, "interfaces") !== "lo" && !isClosed(record))
    reasons.push("there is a network interface beside loopback")
  if (seen(outside, "default_route") !== false && !isClosed(record))
    reasons.push("there is a default route")
  if (!isPositive(seen(outside, "uid"))) reasons.push("the agent is uid 0")
  if (!isNoCapability(seen(outside, "cap_eff"))) reasons.push("the agent has capabilities")
  return reasons
}

function softSpots(record: ProbeRecord): string[] {
  const { checks, outside, probe_sha256 } = record
  const ids = new Set(checks.map((check) => check.id))
  const required = [...hardeningChecks, ...(probe_sha256 === undefined ? [] : hardeningTries)]
  const reasons = required.filter((id) => !ids.has(id)).map((id) => `${id} was not checked`)
  reasons.push(...checks.filter((check) => isHardening(check.id)).flatMap(failureOf))
  if (probe_sha256 !== undefined) reasons.push(...checks.filter(isRequiredTry).flatMap(doubtIn))
  if (seen(outside, "seccomp") !== 2) reasons.push("no seccomp filter")
  if (seen(outside, "no_new_privs") !== 1) reasons.push("no_new_privs is not set")
  if (!isNoCapability(seen(outside, "cap_bnd"))) reasons.push("the bounding set is not empty")
  if (seen(outside, "root_read_only") !== true) reasons.push("the root is writable")
  if (!isPositive(seen(outside, "memory_limit_bytes"))) reasons.push("no memory limit in force")
  if (!isPositive(seen(outside, "pids_limit"))) reasons.push("no process limit in force")
  return probe_sha256 === undefined ? reasons : [...reasons, ...softSpotsOfDriver(outside)]
}

function isRequiredTry({ id }: ProbeCheck): boolean {
  return requiredTries.some((required) => required === id)
}

/** The monitor closed the box's network by rules in its namespace, and read them back. */
function isClosed({ outside, probe_sha256 }: ProbeRecord): boolean {
  if (probe_sha256 === undefined) return false
  return /^[0-9a-f]{64}$/.test(String(seen(outside, "network_closed")))
}

function softSpotsOfDriver(outside: ProbeRecord["outside"]): string[] {
  const reasons: string[] = []
  if (seen(outside, "interfaces") !== "lo")
    reasons.push("the network is closed by rules, and not by there being none")
  if (!/^[0-9a-f]{64}$/.test(String(seen(outside, "seccomp_profile"))))
    reasons.push("the seccomp filter is not AMC's")
  if (seen(outside, "ingress") !== "run-socket")
    reasons.push("the gateway has no way in of this run alone")
  // With 0, dumps still go to a program of the host's where core_pattern names one; with 1 there are none.
  if (seen(outside, "rlimit_core") !== "1") reasons.push("core dumps are not off")
  return reasons
}

/** Own members alone: a name such as `constructor` must not be found in every record. */
function seen(view: Readonly<Record<string, SeenValue>>, name: string): SeenValue | undefined {
  return Object.hasOwn(view, name) ? view[name] : undefined
}

function isPositive(value: SeenValue | undefined): boolean {
  return typeof value === "number" && value > 0
}

function isNoCapability(value: SeenValue | undefined): boolean {
  return typeof value === "string" && /^0+$/.test(value)
}
