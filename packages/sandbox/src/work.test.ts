import { execFileSync } from "node:child_process"
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { afterEach, beforeEach, expect, test } from "vitest"
import { toMask } from "./host.ts"
import { agentUser } from "./spec.ts"
import { prepareWork, reopenWork } from "./work.ts"

let folder: string
let source: string
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "amc-test-"))
  source = path.join(folder, "source")
  for (const inner of ["a/b", ".amc/studio", "a/.amc", "node_modules/.cache/x"])
    mkdirSync(path.join(source, inner), { recursive: true })
  writeFileSync(path.join(source, "a/b/file"), "text", { mode: 0o4755 })
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test("copies files, folders and inner links for the agent's user, without .amc and caches", () => {
  symlinkSync("b/file", path.join(source, "a/link"))
  symlinkSync("/usr/bin/env", path.join(source, "env"))
  symlinkSync("/bin/sh", path.join(source, "shell"))
  const target = path.join(folder, "target")
  expect(prepareWork(source, target)).toEqual({ files: 1, bytes: 4 })
  expect(readFileSync(path.join(target, "a/link"), "utf8")).toBe("text")
  for (const gone of [".amc", "a/.amc", "node_modules/.cache"])
    expect(existsSync(path.join(target, gone))).toBe(false)
  for (const kept of ["", "a", "a/b/file", "a/link", "env", "shell"])
    expect(lstatSync(path.join(target, kept)).uid).toBe(agentUser().uid)
  expect(lstatSync(path.join(target, "a/b/file")).mode & 0o7777).toBe(0o755)
})

test.each([
  { why: "an absolute link", make: (at: string) => symlinkSync("/etc/passwd", at) },
  { why: "a link upwards", make: (at: string) => symlinkSync("../../outside", at) },
  {
    why: "a link to a sibling of the same beginning",
    make: (at: string) => symlinkSync("../../source-2/x", at),
  },
  {
    why: "a link upwards into /usr, which leads elsewhere in the copy",
    make: (at: string) => symlinkSync("../../../../../../../../../../usr/bin/env", at),
  },
  {
    why: "an absolute link that climbs out of /usr",
    make: (at: string) => symlinkSync("/usr/../etc/passwd", at),
  },
  { why: "a named pipe", make: (at: string) => void execFileSync("mkfifo", [at]) },
])("refuses $why", ({ make }) => {
  make(path.join(source, "a/odd"))
  expect(() => prepareWork(source, path.join(folder, "target"))).toThrow(
    expect.objectContaining({ code: "usage/invalid" }),
  )
})

test("tells how to make a Python environment whose interpreter a box has not", () => {
  mkdirSync(path.join(source, "venv/bin"), { recursive: true })
  writeFileSync(path.join(source, "venv/pyvenv.cfg"), "")
  symlinkSync("/opt/python/bin/python3", path.join(source, "venv/bin/python3"))
  expect(() => prepareWork(source, path.join(folder, "target"))).toThrow(
    expect.objectContaining({ code: "usage/invalid", hint: expect.stringContaining("-m venv") }),
  )
})

test("refuses a target that exists", () => {
  expect(() => prepareWork(source, source)).toThrow(
    expect.objectContaining({ code: "usage/invalid" }),
  )
})

test("finds every .amc that a mount would show, and every pipe, in packages too", () => {
  const inPackage = path.join(source, "node_modules/.cache")
  mkdirSync(path.join(inPackage, ".amc"))
  for (const place of [path.join(source, "a"), inPackage])
    execFileSync("mkfifo", [path.join(place, "pipe")])
  const { folders, files } = toMask(source)
  expect([...folders].sort()).toEqual(
    [".amc", "a/.amc", "node_modules/.cache/.amc"].map((name) => path.join(source, name)),
  )
  expect([...files].sort()).toEqual([path.join(source, "a/pipe"), path.join(inPackage, "pipe")])
  expect(toMask(path.join(source, "a/b/file"))).toEqual({ folders: [], files: [] })
})

test("refuses to mount what is too much to be looked through", () => {
  expect(() => toMask(source, 3)).toThrow(
    expect.objectContaining({
      code: "usage/invalid",
      message: `${source} has more than 3 entries`,
    }),
  )
})

test("the copy of a folder that is its owner's alone can be entered by a box", () => {
  chmodSync(source, 0o700)
  const target = path.join(folder, "target")
  prepareWork(source, target)
  expect(lstatSync(target).mode & 0o777).toBe(0o755)
})

test("a work folder that the agent has shut is opened again for its user", () => {
  const target = path.join(folder, "target")
  prepareWork(source, target)
  chmodSync(target, 0)
  reopenWork(target)
  const { mode, uid } = lstatSync(target)
  expect({ mode: mode & 0o777, uid }).toEqual({ mode: 0o755, uid: agentUser().uid })
})
