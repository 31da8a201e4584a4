import { spawnSync } from "node:child_process"
import { existsSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { withFileLock } from "./file-lock.ts"
import { temporaryFolder } from "./folder.fixture.ts"

function lockHeldBy(pid: number | string): string {
  const path = join(temporaryFolder(), "file")
  symlinkSync(String(pid), `${path}.lock`)
  return path
}

const dead = (): number => spawnSync(process.execPath, ["--version"]).pid

test("lets one step at a time run", () => {
  const path = join(temporaryFolder(), "file")
  expect(withFileLock(path, () => existsSync(path) || 7)).toBe(7)
  expect(() =>
    withFileLock(path, () => {
      throw new Error("bug")
    }),
  ).toThrow("bug")
  expect(withFileLock(path, () => 8)).toBe(8)
})

test("refuses while another living process holds it", () => {
  const path = lockHeldBy(process.ppid)
  expect(() => withFileLock(path, () => 1)).toThrow(
    expect.objectContaining({ code: "store/conflict" }),
  )
})

test.each([
  { why: "died", holder: dead },
  { why: "had our pid before a restart", holder: () => process.pid },
  { why: "is no process", holder: () => "nonsense" },
])("takes over from a holder that $why", ({ holder }) => {
  expect(withFileLock(lockHeldBy(holder()), () => "done")).toBe("done")
})

test("refuses a lock that it did not make, and a folder that can't be written", () => {
  const path = join(temporaryFolder(), "file")
  writeFileSync(`${path}.lock`, "")
  expect(() => withFileLock(path, () => 1)).toThrow(
    expect.objectContaining({ code: "vault/unsafe-file" }),
  )
  const nowhere = join(temporaryFolder(), "missing", "file")
  expect(() => withFileLock(nowhere, () => 1)).toThrow(
    expect.objectContaining({ code: "workspace/unwritable" }),
  )
})
