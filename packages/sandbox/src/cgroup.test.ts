import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { afterEach, beforeEach, expect, test } from "vitest"
import { cgroupParents, makeCgroups } from "./cgroup.ts"

let folder: string
const limits = { memoryBytes: 1000, pids: 20, timeoutMs: 1, fileBytes: 1, workBytes: 1 }
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "amc-test-"))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function tree(self: string, folders: Record<string, string>): ReturnType<typeof cgroupParents> {
  for (const [inner, control] of Object.entries(folders)) {
    mkdirSync(path.join(folder, inner), { recursive: true })
    writeFileSync(path.join(folder, inner, "cgroup.subtree_control"), control)
  }
  writeFileSync(path.join(folder, "self"), self)
  return cgroupParents(folder, path.join(folder, "self"))
}

test("version 1: each controller has its own folder, below the monitor's where that is visible", () => {
  const parents = tree("9:memory:/host/path\n8:pids:/own\n1:cpu:/\n", {
    memory: "",
    "pids/own": "",
  })
  expect(parents.map((p) => [path.relative(folder, p.folder), p.version, p.controllers])).toEqual([
    ["memory", 1, ["memory"]],
    ["pids/own", 1, ["pids"]],
  ])
})

test("version 2: the nearest folder that passes controllers on", () => {
  const parents = tree("0::/user/session\n", { user: "cpu memory pids\n", "user/session": "" })
  expect(parents.map((p) => [path.relative(folder, p.folder), p.controllers])).toEqual([
    ["user", ["memory", "pids"]],
  ])
})

test("nowhere is said as nowhere", () => {
  expect(tree("0::/\n", { x: "" })).toEqual([])
  expect(cgroupParents(folder, path.join(folder, "no-such-file"))).toEqual([])
  const nothing = makeCgroups([], "run", limits)
  expect(nothing.inForce(1)).toEqual({ memoryBytes: 0, pids: 0 })
})

test("a limit is in force only for a process that the cgroup holds", async () => {
  const parents = tree("0::/\n", { "": "memory pids" })
  const groups = makeCgroups(parents, "run", limits)
  expect(groups.inForce(77)).toEqual({ memoryBytes: 0, pids: 0 })
  writeFileSync(path.join(folder, "run/cgroup.procs"), "76\n77\n")
  expect(groups.inForce(77)).toEqual({ memoryBytes: 1000, pids: 20 })
  writeFileSync(path.join(folder, "run/memory.max"), "max\n")
  expect(groups.inForce(77)).toEqual({ memoryBytes: 0, pids: 20 })
  rmSync(path.join(folder, "run"), { recursive: true })
  await groups.remove()
  expect(existsSync(path.join(folder, "run"))).toBe(false)
})

test("what can't be made is left out", () => {
  const gone = { folder: path.join(folder, "gone"), version: 1, controllers: ["pids"] } as const
  expect(makeCgroups([gone], "run", limits).joinFiles).toEqual([])
})
