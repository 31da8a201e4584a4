import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from "node:fs"
import { homedir } from "node:os"
import { dirname, join } from "node:path"
import { afterEach, expect, test, vi } from "vitest"
import { commandFiles, commandInBox, commandSha256, programMounts } from "./program.ts"
import { temporaryFolder } from "./workspace.fixture.ts"

const runtime = process.execPath
const nodeFolder = dirname(realpathSync(runtime))

afterEach(() => vi.unstubAllEnvs())

/** Files by path; a folder for each is made. */
function tree(files: Readonly<Record<string, string>>): string {
  const top = realpathSync(temporaryFolder())
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(top, path)), { recursive: true })
    writeFileSync(join(top, path), content)
  }
  return top
}

/** What is mounted under a folder, relative to it. */
function mountsIn(top: string, command: readonly string[], cwd: string): readonly string[] {
  const { readOnly } = programMounts(command, join(top, cwd), runtime)
  return readOnly.filter((path) => path.startsWith(top)).map((path) => path.slice(top.length + 1))
}

const files = {
  "home/.ssh/id": "secret",
  "home/node_modules/far/index.js": "1",
  "home/project/package.json": "{}",
  "home/project/src/deep/agent.js": "1",
  "home/project/node_modules/near/index.js": "1",
  "home/other/package.json": "{}",
  "home/other/tool.js": "1",
  "home/alone.js": "1",
  "home/work/notes.txt": "1",
}

test.each([
  {
    why: "the package that a file lies in, and every node_modules above it",
    command: ["node", "src/deep/agent.js"],
    cwd: "home/project",
    mounts: ["home/node_modules", "home/project"],
  },
  {
    why: "a file alone where there is no package around it",
    command: ["node", "alone.js"],
    cwd: "home",
    mounts: ["home/alone.js", "home/node_modules"],
  },
  {
    why: "each file's own package",
    command: ["node", "project/src/deep/agent.js", "other/tool.js"],
    cwd: "home",
    mounts: ["home/node_modules", "home/other", "home/project"],
  },
  {
    why: "no folder and no missing file that an argument names",
    command: ["node", "../.ssh", "../gone.js", "--flag=../alone.js", ""],
    cwd: "home/work",
    mounts: ["home/node_modules"],
  },
  {
    why: "nothing for a program that is looked up on PATH, though a file is called so",
    command: ["alone.js"],
    cwd: "home",
    mounts: ["home/node_modules"],
  },
  {
    why: "a program that is named by its path",
    command: ["./alone.js"],
    cwd: "home",
    mounts: ["home/alone.js", "home/node_modules"],
  },
])("mounts $why", ({ command, cwd, mounts }) => {
  expect(mountsIn(tree(files), command, cwd)).toEqual(mounts)
})

test("a stray package.json in the home does not let the home in", () => {
  const top = tree({ ...files, "home/package.json": "{}" })
  expect(mountsIn(top, ["node", "alone.js"], "home")).toEqual(["home"])
  vi.stubEnv("HOME", join(top, "home"))
  expect(homedir()).toBe(join(top, "home"))
  expect(mountsIn(top, ["node", "alone.js"], "home")).toEqual([
    "home/alone.js",
    "home/node_modules",
  ])
})

test("follows a link to where the program really lies", () => {
  const top = tree(files)
  symlinkSync(join(top, "home/other/tool.js"), join(top, "home/work/link.js"))
  expect(mountsIn(top, ["node", "link.js"], "home/work")).toEqual([
    "home/node_modules",
    "home/other",
  ])
})

test("mounts nothing of the system, which the box has already", () => {
  const { readOnly } = programMounts(["/bin/sh", "/usr/bin/env", "true"], "/usr", runtime)
  for (const path of readOnly) expect(path).not.toMatch(/^\/(usr|bin|lib|lib64|sbin)(\/|$)/)
})

test("the Node that runs AMC is on the PATH, behind the commands of the packages", () => {
  const top = tree({ "p/node_modules/.bin/tool": "1", "node_modules/x/index.js": "1" })
  const { path } = programMounts(["node"], join(top, "p"), runtime)
  expect(path).toEqual([join(top, "p/node_modules/.bin"), nodeFolder])
})

test("the digest of a command is of its words and of the bytes that they name", () => {
  const cwd = tree({ "a.js": "1", "b.js": "1" })
  const digest = (...command: string[]): string => commandSha256(command, cwd)
  const first = digest("node", "a.js")
  expect(digest("node", "a.js")).toBe(first)
  expect(digest("node", "b.js")).not.toBe(first)
  expect(digest("node", "a.js", "")).not.toBe(first)
  expect(digest("nodea.js")).not.toBe(digest("node", "a.js"))
  writeFileSync(join(cwd, "a.js"), "2")
  expect(digest("node", "a.js")).not.toBe(first)
})

test("the files of a command are those words that are files", () => {
  const cwd = tree({ "a.js": "1", "d/b.js": "1" })
  const words = ["sh", "a.js", "d", "d/b.js", join(cwd, "a.js"), "gone"]
  expect(commandFiles(words, cwd)).toEqual(["a.js", "d/b.js", "a.js"].map((at) => join(cwd, at)))
})

test("a box that works on a copy of the same folder gets the command as it was typed", () => {
  const cwd = tree({ "a.js": "1" })
  expect(commandInBox(["node", "a.js"], cwd, cwd)).toEqual(["node", "a.js"])
})

test("a box that works elsewhere gets files by their full path and words as they are", () => {
  const top = tree({ "a.js": "1", "work/x": "1", node: "1" })
  expect(
    commandInBox(["node", "a.js", "gone.js", "/etc/hosts", "--x"], top, join(top, "work")),
  ).toEqual(["node", join(top, "a.js"), "gone.js", "/etc/hosts", "--x"])
})
