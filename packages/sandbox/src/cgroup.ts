import { accessSync, constants, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs"
import path from "node:path"
import type { SandboxLimits } from "./spec.ts"
import { until } from "./until.ts"

type Controller = "memory" | "pids"

/** A cgroup folder in which the monitor may make one of its own. */
export interface CgroupParent {
  readonly folder: string
  readonly version: 1 | 2
  readonly controllers: readonly Controller[]
}

/** A run's own cgroups. */
export interface RunCgroups {
  /** A process that writes its pid into each of these is limited from then on. */
  readonly joinFiles: readonly string[]
  /** The limits that are in force for a process, read back; 0 where there is none. */
  inForce(pid: number): { readonly memoryBytes: number; readonly pids: number }
  /** Whether the kernel ended a process because of the memory limit; to be asked before they are removed. */
  hasRunOut(): boolean
  /** Removes them once their processes are gone. */
  remove(): Promise<void>
}

const limitFiles = {
  memory: { 1: "memory.limit_in_bytes", 2: "memory.max" },
  pids: { 1: "pids.max", 2: "pids.max" },
} as const

/** Where limits can be set on this machine; empty if nowhere. */
export function cgroupParents(root = "/sys/fs/cgroup", self = "/proc/self/cgroup"): CgroupParent[] {
  const lines = readOr(self, "").split("\n")
  const own = lines.map((line) => /^\d+:([^:]*):(.*)$/.exec(line)).filter((match) => match !== null)
  return own.flatMap(([, names, place]) =>
    names === ""
      ? version2Parent(root, place ?? "/")
      : version1Parents(root, names ?? "", place ?? "/"),
  )
}

function version1Parents(root: string, names: string, place: string): CgroupParent[] {
  const controllers = names.split(",").filter((name) => name === "memory" || name === "pids")
  return controllers.flatMap((controller) => {
    // In a container the path may be the host's and mean nothing here.
    const folders = [path.join(root, controller, place), path.join(root, controller)]
    const folder = folders.find((each) => isWritable(each))
    return folder === undefined ? [] : [{ folder, version: 1 as const, controllers: [controller] }]
  })
}

/** Version 2 wants processes at the leaves only, so the run's cgroup goes beside the monitor's own. */
function version2Parent(root: string, place: string): CgroupParent[] {
  for (const folder of [path.join(root, place), path.dirname(path.join(root, place)), root]) {
    const enabled = readOr(path.join(folder, "cgroup.subtree_control"), "").trim().split(" ")
    const controllers = enabled.filter((name) => name === "memory" || name === "pids")
    if (folder.startsWith(root) && controllers.length > 0 && isWritable(folder))
      return [{ folder, version: 2, controllers }]
  }
  return []
}

/** Makes the run's cgroups with their limits; those that can't be made are left out, and `inForce` says so. */
export function makeCgroups(
  parents: readonly CgroupParent[],
  name: string,
  limits: SandboxLimits,
): RunCgroups {
  const made = parents.flatMap((parent) => makeOne(parent, name, limits))
  return {
    joinFiles: made.map(({ folder }) => path.join(folder, "cgroup.procs")),
    inForce: (pid) => ({
      memoryBytes: readBack(made, "memory", pid),
      pids: readBack(made, "pids", pid),
    }),
    hasRunOut: () => made.some(({ folder }) => oomKills(folder) > 0),
    remove: async () => {
      // A cgroup stays busy for a moment after its last process.
      await Promise.all(made.map(({ folder }) => until(() => removed(folder), 2000)))
    },
  }
}

interface MadeCgroup {
  readonly folder: string
  readonly limits: Partial<Record<Controller, string>>
}

function makeOne(parent: CgroupParent, name: string, limits: SandboxLimits): MadeCgroup[] {
  const folder = path.join(parent.folder, name)
  const files: Partial<Record<Controller, string>> = {}
  try {
    mkdirSync(folder)
    for (const controller of parent.controllers) {
      const file = path.join(folder, limitFiles[controller][parent.version])
      writeFileSync(file, String(controller === "memory" ? limits.memoryBytes : limits.pids))
      files[controller] = file
    }
    return [{ folder, limits: files }]
  } catch {
    // Delegated in name only; the read-back tells that no limit is in force.
    removed(folder)
    return []
  }
}

function readBack(made: readonly MadeCgroup[], controller: Controller, pid: number): number {
  const group = made.find((each) => each.limits[controller] !== undefined)
  if (group === undefined) return 0
  return limitIn(group.folder, path.basename(group.limits[controller] ?? ""), pid)
}

function oomKills(folder: string): number {
  const texts = ["memory.oom_control", "memory.events"].map((file) =>
    readOr(path.join(folder, file), ""),
  )
  return Number(/^oom_kill (\d+)$/m.exec(texts.join("\n"))?.[1] ?? 0)
}

/** The limits that an engine set for a process, read back from where the kernel has them; 0 where there is none. */
export function limitsOf(
  pid: number,
  root = "/sys/fs/cgroup",
): { readonly memoryBytes: number; readonly pids: number } {
  const read = (controller: Controller): number =>
    placesOf(pid, controller, root)
      .map(({ folder, version }) => limitIn(folder, limitFiles[controller][version], pid))
      .find((limit) => limit > 0) ?? 0
  return { memoryBytes: read("memory"), pids: read("pids") }
}

/** Whether the kernel ended a process because of the memory limit that this process is under. */
export function hasRunOut(pid: number, root = "/sys/fs/cgroup"): boolean {
  return placesOf(pid, "memory", root).some(({ folder }) => oomKills(folder) > 0)
}

/** Where the kernel may have a process's limit: of version 1 by its controller, of version 2 in the one tree. */
function placesOf(
  pid: number,
  controller: Controller,
  root: string,
): { readonly folder: string; readonly version: 1 | 2 }[] {
  const lines = readOr(`/proc/${pid}/cgroup`, "").split("\n")
  return lines.flatMap((line): { folder: string; version: 1 | 2 }[] => {
    const [, names, place = ""] = /^\d+:([^:]*):(.*)$/.exec(line) ?? []
    if (names === "") return [{ folder: path.join(root, place), version: 2 }]
    if (names?.split(",").includes(controller) !== true) return []
    return [{ folder: path.join(root, controller, place), version: 1 }]
  })
}

function limitIn(folder: string, file: string, pid: number): number {
  const members = readOr(path.join(folder, "cgroup.procs"), "").split("\n")
  const text = readOr(path.join(folder, file), "").trim()
  const limit = text === "" ? 0 : Number(text)
  return members.includes(String(pid)) && Number.isSafeInteger(limit) ? limit : 0
}

function removed(folder: string): boolean {
  try {
    rmdirSync(folder)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT"
  }
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK)
    return true
  } catch {
    return false
  }
}

function readOr(file: string, otherwise: string): string {
  try {
    return readFileSync(file, "utf8")
  } catch {
    return otherwise
  }
}
