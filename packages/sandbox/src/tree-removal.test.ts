import { execFileSync } from "node:child_process"
import { chmodSync, existsSync, mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { expect, test } from "vitest"
import { removeTree } from "./tree-removal.ts"

const newFolder = (): string => mkdtempSync(path.join(tmpdir(), "amc-test-"))
const run = (file: string, ...args: readonly string[]): string =>
  execFileSync(file, args, { encoding: "utf8" })

test("a tree far deeper than a path can be long goes away", async () => {
  const top = newFolder()
  const dig = 'chdir $ARGV[0]; for (1..6000) { mkdir "d"; chdir "d" }'
  run("perl", "-e", dig, top)
  expect(await removeTree(top)).toBeNull()
  expect(existsSync(top)).toBe(false)
})

const shut = 'mkdir -p "$0/a/b"; touch "$0/a/b/file"; chmod 0 "$0/a/b" "$0/a"'

test("a tree whose rights are all taken away goes away", async () => {
  const top = newFolder()
  run("sh", "-c", shut, top)
  expect(await removeTree(top)).toBeNull()
  expect(existsSync(top)).toBe(false)
})

test.runIf(process.getuid?.() === 0)("it does so for a user who is not root", async () => {
  const top = newFolder()
  const module = path.join(path.dirname(fileURLToPath(import.meta.url)), "tree-removal.ts")
  const script = `
    import { execFileSync } from "node:child_process"
    import { existsSync } from "node:fs"
    const { removeTree } = await import(${JSON.stringify(module)})
    const top = ${JSON.stringify(path.join(top, "inner"))}
    process.setgroups([]); process.setgid(60800); process.setuid(60800)
    execFileSync("sh", ["-c", ${JSON.stringify(shut)}, top])
    console.log(await removeTree(top), existsSync(top))`
  chmodSync(top, 0o777)
  const args = ["--no-warnings", "--input-type=module", "-e", script]
  expect(run(process.execPath, ...args)).toBe("null false\n")
  await removeTree(top)
})

test("what can't be removed is told and nothing is thrown", async () => {
  expect(await removeTree("/proc/self/fd")).toMatch(/^\/proc\/self\/fd could not be removed: /)
})
