import path from "node:path"
import { canonicalize, sha256Hex } from "@amc/core"
import { sharedEtc } from "./etc.ts"
import type { HostFacts } from "./host.ts"
import type { PlanFacts } from "./driver.ts"
import { inBox, type SandboxSpec } from "./spec.ts"
import { emptyNames } from "./try-counter.ts"

/** How a run is to be started, and all that `launchBubblewrap` needs. */
export interface BubblewrapPlan extends PlanFacts {
  /** Bubblewrap's whole command line. It holds no secret: the environment goes in through the probe. */
  readonly argv: readonly string[]
  readonly spec: SandboxSpec
  readonly host: HostFacts
}

/** The descriptors that bubblewrap is started with, beside the agent's three; the last goes on to the probe. */
export const planFds = { seccomp: 3, status: 4, barrier: 5, tries: 6 } as const

const tmpfsBytes = 256 * 1024 * 1024

/** Says how the box is built. Pure: the same spec and host give the same plan. */
export function planBubblewrap(spec: SandboxSpec, host: HostFacts): BubblewrapPlan {
  const mounts = [...systemMounts(host), ...ownMounts(spec, host)]
  const argv = [
    host.tools.bwrap,
    ...namespaces(host),
    ...mounts.flat(),
    ...closing(),
    "--",
    ...chain(spec, host),
  ]
  const envNames = Object.keys(spec.env).sort()
  const described = {
    argv,
    env_names: envNames,
    command: [...spec.command],
    limits: { ...spec.limits },
    probe_sha256: host.probe.sha256,
  }
  return {
    driver: "bubblewrap",
    argv,
    sha256: sha256Hex(canonicalize(described)),
    words: argv.length,
    mounts: mounts.length,
    limits: spec.limits,
    probeSha256: host.probe.sha256,
    image: null,
    network: "none",
    spec,
    host,
  }
}

type Arguments = readonly string[]

/**
 * As root there is no user namespace, so that uid 0 of the host never runs inside one (DESIGN.md section 7);
 * the three capabilities are what `setpriv` needs to leave root, and go with it.
 */
function namespaces({ isRoot, mayDisableUserns }: HostFacts): Arguments {
  const common = [
    "--unshare-ipc",
    "--unshare-pid",
    "--unshare-net",
    "--unshare-uts",
    "--unshare-cgroup-try",
  ]
  const own = [
    "--hostname",
    "sandbox",
    "--new-session",
    "--die-with-parent",
    "--clearenv",
    "--cap-drop",
    "ALL",
  ]
  const leave = ["CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"].flatMap((name) => ["--cap-add", name])
  if (isRoot) return [...common, ...own, ...leave]
  return ["--unshare-user", ...(mayDisableUserns ? ["--disable-userns"] : []), ...common, ...own]
}

function systemMounts({ systemRoots, runFolder }: HostFacts): Arguments[] {
  return [
    ["--ro-bind", "/usr", "/usr"],
    ...systemRoots.map((root) =>
      root.target === null
        ? ["--ro-bind", root.path, root.path]
        : ["--symlink", root.target, root.path],
    ),
    ["--ro-bind", path.join(runFolder, "etc"), "/etc"],
    ...sharedEtc.map((shared) => ["--ro-bind-try", shared, shared]),
    // The box is built no further until this descriptor ends: then its outer user namespace can be held.
    ["--perms", "0444", "--ro-bind-data", String(planFds.barrier), "/etc/hostname"],
    ["--proc", "/proc"],
    ["--dev", "/dev"],
    scratch("/dev/shm"),
    ["--remount-ro", "/dev"],
    scratch("/tmp"),
    [...folder("/home"), ...scratch(inBox.home)],
    [...folder("/var"), "--symlink", "/tmp", "/var/tmp"],
  ]
}

function ownMounts(spec: SandboxSpec, host: HostFacts): Arguments[] {
  const readOnly = withoutNested(["/usr", ...spec.readOnly])
  const empty = (name: string): string => path.join(host.runFolder, name)
  return [
    ...readOnly
      .filter((mount) => mount !== "/usr")
      .map((mount) => at(mount, ["--ro-bind", mount, mount])),
    // Left writable, a mask would be a place where an agent without root could plant a workspace.
    ...host.masks.map((mask) => ["--ro-bind", empty(emptyNames.folder), mask]),
    ...host.maskedFiles.map((file) => ["--ro-bind", empty(emptyNames.file), file]),
    at(inBox.work, ["--bind", spec.work, inBox.work]),
    at(inBox.probe, ["--ro-bind", host.probe.file, inBox.probe]),
  ]
}

function closing(): Arguments {
  return [
    "--remount-ro",
    "/",
    "--chdir",
    inBox.work,
    "--seccomp",
    String(planFds.seccomp),
    "--json-status-fd",
    String(planFds.status),
  ]
}

/** What runs in the box before the agent: each step execs the next, so the pid stays the agent's. */
function chain(spec: SandboxSpec, host: HostFacts): Arguments {
  // Where a cgroup counts the run's processes, a limit by user would count other runs' too.
  const processes = host.hasPidsCgroup ? [] : [`--nproc=${spec.limits.pids}`]
  const { uid, gid } = host.user
  const leaveRoot = [
    host.tools.setpriv,
    "--reuid",
    String(uid),
    "--regid",
    String(gid),
    "--clear-groups",
    "--bounding-set=-all",
    "--inh-caps=-all",
    "--ambient-caps=-all",
    "--no-new-privs",
    "--",
  ]
  return [
    host.tools.prlimit,
    // With 0 a dump would still be given to a program of the host's, where core_pattern names one; with 1 there is none.
    "--core=1",
    ...processes,
    `--fsize=${spec.limits.fileBytes}`,
    "--",
    ...(host.isRoot ? leaveRoot : []),
    inBox.probe,
  ]
}

function scratch(target: string): Arguments {
  return ["--perms", "1777", "--size", String(tmpfsBytes), "--tmpfs", target]
}

/** A mount with its parents, which bubblewrap would make for root alone. */
function at(target: string, mount: Arguments): Arguments {
  return [...parentsOf(target).flatMap(folder), ...mount]
}

function folder(target: string): Arguments {
  return ["--perms", "0755", "--dir", target]
}

function parentsOf(target: string): string[] {
  const parent = path.dirname(target)
  return parent === "/" ? [] : [...parentsOf(parent), parent]
}

/** Drops what lies in another mount, and so is there already. */
export function withoutNested(mounts: readonly string[]): string[] {
  const sorted = [...new Set(mounts.map((mount) => path.normalize(mount)))].sort()
  return sorted.filter(
    (mount) => !sorted.some((other) => other !== mount && mount.startsWith(`${other}/`)),
  )
}
