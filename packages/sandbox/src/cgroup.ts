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
  const members = readOr(path.join(group.folder, "cgroup.procs"), "").split("\n")
  const limit = Number(readOr(group.limits[controller] ?? "", "").trim())
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
