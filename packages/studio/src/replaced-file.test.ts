import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { threadId } from "node:worker_threads"
import { expect, test } from "vitest"
import { moveFile, replaceFile } from "./replaced-file.ts"
import { temporaryFolder } from "./workspace.fixture.ts"

const unwritable = expect.objectContaining({ code: "workspace/unwritable" })

test("a file is replaced whole, for this user alone, and leaves nothing beside it", () => {
  const dir = join(temporaryFolder(), "made")
  const path = join(dir, "file")
  replaceFile(path, "old", 0o644)
  expect(statSync(path).mode & 0o777).toBe(0o644)
  replaceFile(path, new TextEncoder().encode("new"))
  expect(readFileSync(path, "utf8")).toBe("new")
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(statSync(dir).mode & 0o777).toBe(0o700)
  expect(readdirSync(dir)).toEqual(["file"])
})

test("what can't be put in its place leaves nothing behind", () => {
  const dir = temporaryFolder()
  mkdirSync(join(dir, "file", "in the way"), { recursive: true })
  expect(() => replaceFile(join(dir, "file"), "new")).toThrow(unwritable)
  expect(readdirSync(dir)).toEqual(["file"])
})

test("a link under the temporary name is not followed", () => {
  const dir = temporaryFolder()
  writeFileSync(join(dir, "victim"), "kept")
  symlinkSync(join(dir, "victim"), join(dir, `file.${process.pid}-${threadId}.tmp`))
  replaceFile(join(dir, "file"), "new")
  expect(readFileSync(join(dir, "victim"), "utf8")).toBe("kept")
  expect(readFileSync(join(dir, "file"), "utf8")).toBe("new")
})

test("a file that can't be moved stays where it is", () => {
  const dir = temporaryFolder()
  writeFileSync(join(dir, "file"), "kept")
  expect(() => moveFile(join(dir, "file"), join(dir, "missing", "file"))).toThrow(unwritable)
  expect(readFileSync(join(dir, "file"), "utf8")).toBe("kept")
})
