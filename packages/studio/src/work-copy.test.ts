import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { afterEach, expect, onTestFinished, test, vi } from "vitest"
import { sessionTerms } from "./session-terms.fixture.ts"
import { makeWork, type Work } from "./work-copy.ts"
import { temporaryFolder } from "./workspace.fixture.ts"

afterEach(() => vi.unstubAllEnvs())

function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(temporaryFolder(), "work-"))
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(folder, path, ".."), { recursive: true })
    writeFileSync(join(folder, path), content)
  }
  return folder
}

function copyOf(cwd: string): Work {
  const work = makeWork(sessionTerms({ cwd }))
  onTestFinished(() => rmSync(work.root, { recursive: true, force: true }))
  return work
}

test("a box gets a copy, and what it does there stays there", () => {
  const cwd = folderOf({ "notes.txt": "mine", "deep/er/file": "1" })
  const { dir, isCopy } = copyOf(cwd)
  expect(isCopy).toBe(true)
  expect(readFileSync(join(dir, "deep/er/file"), "utf8")).toBe("1")
  writeFileSync(join(dir, "notes.txt"), "theirs")
  expect(readFileSync(join(cwd, "notes.txt"), "utf8")).toBe("mine")
})

test("each session's copy is fresh", () => {
  const cwd = folderOf({ "notes.txt": "mine" })
  const first = copyOf(cwd)
  writeFileSync(join(first.dir, "notes.txt"), "theirs")
  const second = copyOf(cwd)
  expect(second.root).not.toBe(first.root)
  expect(readFileSync(join(second.dir, "notes.txt"), "utf8")).toBe("mine")
  expect(second.sha256).toBe(first.sha256)
})

test("no workspace is copied, and packages are linked and not copied", () => {
  const cwd = folderOf({ ".amc/vault.amcvault": "keys", "node_modules/x/index.js": "1", a: "1" })
  const { dir } = copyOf(cwd)
  expect(readdirSync(dir).sort()).toEqual(["a", "node_modules"])
  expect(realpathSync(join(dir, "node_modules"))).toBe(realpathSync(join(cwd, "node_modules")))
})

test("without a box the agent works where it was started", () => {
  const cwd = folderOf({ a: "1" })
  const work = makeWork(sessionTerms({ cwd, driver: "none" }))
  expect(work).toEqual({ dir: cwd, root: cwd, isCopy: false, sha256: null })
})

test.each([
  { why: "another content", files: { a: "2", b: "1" } },
  { why: "another name", files: { a: "1", c: "1" } },
  { why: "a file more", files: { a: "1", b: "1", c: "" } },
  { why: "the same in a folder", files: { a: "1", "d/b": "1" } },
])("the digest of a folder is another for $why", ({ files }) => {
  const digest = copyOf(folderOf({ a: "1", b: "1" })).sha256
  expect(digest).toMatch(/^[0-9a-f]{64}$/)
  expect(copyOf(folderOf({ b: "1", a: "1" })).sha256).toBe(digest)
  expect(copyOf(folderOf(files)).sha256).not.toBe(digest)
})

test("the digest tells a link from a file with the same text", () => {
  const linked = folderOf({ a: "1" })
  symlinkSync("a", join(linked, "b"))
  expect(copyOf(linked).sha256).not.toBe(copyOf(folderOf({ a: "1", b: "a" })).sha256)
})

test("a folder that can't be copied leaves nothing behind", () => {
  const cwd = folderOf({ a: "1" })
  symlinkSync("/etc/passwd", join(cwd, "b"))
  const place = temporaryFolder()
  vi.stubEnv("TMPDIR", place)
  expect(() => makeWork(sessionTerms({ cwd }))).toThrow(
    expect.objectContaining({ code: "usage/invalid" }),
  )
  expect(readdirSync(place)).toEqual([])
  expect(existsSync(cwd)).toBe(true)
})
