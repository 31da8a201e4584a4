import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, onTestFinished, test } from "vitest"
import { runTests } from "./test-run.ts"
import { type CallTool, toolsOf } from "./tools.ts"

interface Place {
  readonly outside: string
  readonly task: string
  readonly call: CallTool
}

function place(): Place {
  const outside = mkdtempSync(join(tmpdir(), "coding-agent-tools-"))
  onTestFinished(() => rmSync(outside, { recursive: true }))
  const task = join(outside, "task")
  mkdirSync(task)
  writeFileSync(join(outside, "secret.txt"), "secret")
  return { outside, task, call: toolsOf(task) }
}

test("lists, writes and reads files of the task folder", async () => {
  const { call } = place()
  const written = await call("write_file", '{"path":"src/new/a.ts","content":"é"}')
  expect(written).toBe("wrote 2 bytes to src/new/a.ts")
  expect(await call("read_file", '{"path":"./src/new/a.ts"}')).toBe("é")
  expect(await call("list_files", "")).toBe("src/new/a.ts")
})

test.each([
  { why: "a path upwards", path: "../secret.txt", says: "outside the task folder" },
  { why: "an absolute path", path: "/etc/passwd", says: "relative to the task folder" },
  { why: "a link to a file outside", path: "link.txt", says: "outside the task folder" },
  { why: "a path through a linked folder", path: "folder/secret.txt", says: "outside the task" },
  { why: "a file that is not there", path: "none.txt", says: "ENOENT" },
  { why: "a file that is too large", path: "large.txt", says: "larger than" },
])("reads nothing at $why", async ({ path, says }) => {
  const { outside, task, call } = place()
  symlinkSync(join(outside, "secret.txt"), join(task, "link.txt"))
  symlinkSync(outside, join(task, "folder"))
  writeFileSync(join(task, "large.txt"), "x".repeat(70_000))
  const result = await call("read_file", JSON.stringify({ path }))
  expect(result).toMatch(new RegExp(`^error: .*${says}`))
})

test.each([
  { why: "a path upwards", path: "../planted.txt" },
  { why: "a link that leads nowhere yet", path: "dangling.txt" },
  { why: "a folder that is a link", path: "folder/planted.txt" },
  { why: "a new folder in one that is a link", path: "folder/new/planted.txt" },
])("writes nothing through $why", async ({ path }) => {
  const { outside, task, call } = place()
  symlinkSync(join(outside, "planted.txt"), join(task, "dangling.txt"))
  symlinkSync(outside, join(task, "folder"))
  expect(await call("write_file", JSON.stringify({ path, content: "x" }))).toMatch(/^error: /)
  expect(existsSync(join(outside, "planted.txt"))).toBe(false)
  expect(existsSync(join(outside, "new"))).toBe(false)
})

test.each([
  { why: "an unknown tool", name: "toString", args: "{}", says: "there is no tool" },
  { why: "arguments that are not JSON", name: "read_file", args: "{", says: "JSON" },
  { why: "arguments that are no object", name: "read_file", args: "[]", says: "an object" },
  { why: "a missing argument", name: "read_file", args: "{}", says: "must be a string" },
])("answers $why with the reason", async ({ name, args, says }) => {
  expect(await place().call(name, args)).toMatch(new RegExp(`^error: .*${says}`))
})

test("runs the tests without the provider's key", async () => {
  const { task, call } = place()
  const source = 'import "node:test"\nconsole.log(`key: ${process.env.OPENAI_API_KEY}`)\n'
  writeFileSync(join(task, "a.test.ts"), source)
  process.env["OPENAI_API_KEY"] = "key-that-must-not-show"
  onTestFinished(() => void delete process.env["OPENAI_API_KEY"])
  expect(await call("run_tests", "{}")).toMatch(/^exit code 0\n[^]*key: undefined/)
})

test("stops tests that never end", async () => {
  const { task } = place()
  writeFileSync(join(task, "a.test.ts"), "for (;;);\n")
  expect(await runTests(task, 500)).toMatch(/^stopped after 500 ms\n/)
})
