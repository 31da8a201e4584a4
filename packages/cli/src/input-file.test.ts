import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
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

test("reads a file's bytes", async () => {
  const file = join(folder(), "a")
  writeFileSync(file, "abc")
  expect(await readInput(file)).toEqual(new Uint8Array([97, 98, 99]))
})

test.each([
  { why: "is not there", at: (dir: string) => join(dir, "none") },
  { why: "is a folder", at: (dir: string) => dir },
])("a file that $why could not be looked at, which is no wrong command line", async ({ at }) => {
  const error: unknown = await readInput(at(folder())).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: "input/unreadable" })
  expect(exitOfError(error, "bundle verify")).toBe(Exit.fault)
})
