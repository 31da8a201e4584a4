import { existsSync, readFileSync, readlinkSync } from "node:fs"
import type { ProcessView } from "./probe-answer.ts"

/** Every process lives in one of each. */
const namespaceNames = ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup"] as const

const statusTexts = {
  groups: "Groups",
  cap_eff: "CapEff",
  cap_bnd: "CapBnd",
  cap_prm: "CapPrm",
  cap_inh: "CapInh",
  cap_amb: "CapAmb",
} as const
const limitNames = {
  rlimit_core: "Max core file size",
  rlimit_fsize: "Max file size",
  rlimit_nproc: "Max processes",
  rlimit_nofile: "Max open files",
} as const

/**
 * What the kernel says of a process: the probe reads its own, the monitor the probe's, and the two must agree.
 *
 * @throws if the process is gone
 */
export function processView(pid: number | "self"): ProcessView {
  const proc = `/proc/${pid}`
  const mounts = readFileSync(`${proc}/mountinfo`, "latin1").trimEnd().split("\n")
  return {
    ...credentials(pid),
    ...namespacesOf(pid),
    ...limitsOf(proc),
    interfaces: interfacesOf(proc),
    default_route: hasDefaultRoute(proc),
    root_read_only: isRootReadOnly(mounts),
    mounts: mounts.length,
  }
}

/** Who a process is and what it may do. @throws if the process is gone */
export function credentials(pid: number | "self"): ProcessView {
  const status = readFileSync(`/proc/${pid}/status`, "latin1")
  const field = (name: string): string =>
    new RegExp(`^${name}:[ \\t]*(.*?)[ \\t]*$`, "m").exec(status)?.[1] ?? ""
  const view: ProcessView = {
    uid: Number(field("Uid").split("\t")[1]),
    gid: Number(field("Gid").split("\t")[1]),
    no_new_privs: Number(field("NoNewPrivs")),
    seccomp: Number(field("Seccomp")),
    seccomp_filters: Number(field("Seccomp_filters")),
  }
  for (const [name, line] of Object.entries(statusTexts)) view[name] = field(line).slice(0, 200)
  return view
}

/** @throws if the process is gone */
export function namespacesOf(pid: number | "self"): ProcessView {
  return Object.fromEntries(
    namespaceNames.map((name) => [`ns_${name}`, readlinkSync(`/proc/${pid}/ns/${name}`)]),
  )
}

/** A pid alone says nothing once it may have been given away again; the start time tells whether it is the same process. */
export function startedAt(pid: number | "self"): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1")
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null
  } catch {
    return null
  }
}

function limitsOf(proc: string): ProcessView {
  const limits = readFileSync(`${proc}/limits`, "latin1")
  const soft = (line: string): string =>
    new RegExp(`^${line}\\s+(\\S+)`, "m").exec(limits)?.[1] ?? ""
  return Object.fromEntries(Object.entries(limitNames).map(([name, line]) => [name, soft(line)]))
}

function interfacesOf(proc: string): string {
  const lines = readFileSync(`${proc}/net/dev`, "latin1").split("\n").slice(2)
  const names = lines.map((line) => line.split(":")[0]?.trim() ?? "").filter((name) => name !== "")
  return names.sort().join(" ").slice(0, 200)
}

function hasDefaultRoute(proc: string): boolean {
  const ipv4 = readFileSync(`${proc}/net/route`, "latin1").split("\n").slice(1)
  const ipv6 = existsSync(`${proc}/net/ipv6_route`)
    ? readFileSync(`${proc}/net/ipv6_route`, "latin1").split("\n")
    : []
  const isDefault6 = (line: string): boolean => /^0{32} 00 .* (?!lo$)\S+$/.test(line.trimEnd())
  return ipv4.some((line) => line.split("\t")[1] === "00000000") || ipv6.some(isDefault6)
}

function isRootReadOnly(mounts: readonly string[]): boolean {
  const root = mounts.map((line) => line.split(" ")).findLast((fields) => fields[4] === "/")
  return root?.[5]?.split(",").includes("ro") ?? false
}
