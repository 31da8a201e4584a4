import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, onTestFinished, test } from "vitest"
import { Exit, exitOfError } from "./exit.ts"
import { readInput } from "./input-file.ts"

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), "amc-cli-"))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  return dir
}

function linkIn(dir: string, target: string): string {
  const link = join(dir, "a.amcbundle")
  symlinkSync(target, link)
  return link
}

function pipeIn(dir: string): string {
  const pipe = join(dir, "pipe")
  execFileSync("mkfifo", [pipe])
  return pipe
}

test("reads a file's bytes", async () => {
  const file = join(folder(), "a")
  writeFileSync(file, "abc")
  expect(await readInput(file)).toEqual(new Uint8Array([97, 98, 99]))
})

test("what is too large is refused, at the bound and no sooner", async () => {
  const [dir, bytes] = [folder(), 100_000]
  const file = join(dir, "a")
  writeFileSync(file, new Uint8Array(bytes))
  expect(await readInput(file, bytes)).toHaveLength(bytes)
  await expect(readInput(file, bytes - 1)).rejects.toMatchObject({ code: "input/too-large" })
})

test.each([
  { why: "is not there", at: (dir: string) => join(dir, "none") },
  { why: "is a folder", at: (dir: string) => dir },
  { why: "is a device that never ends", at: (dir: string) => linkIn(dir, "/dev/zero") },
  { why: "is a pipe that nobody writes to", at: (dir: string) => pipeIn(dir) },
])("a file that $why could not be looked at, which is no wrong command line", async ({ at }) => {
  const error: unknown = await readInput(at(folder())).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: "input/unreadable" })
  expect(exitOfError(error, "bundle verify")).toBe(Exit.fault)
})
