import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { sha256Hex } from "@amc/core"
import { expect, onTestFinished, test } from "vitest"
import { FileBlobStore, removeLeftovers } from "./index.ts"
import { isLeftover, temporaryPath } from "./leftovers.ts"

function tempDir(): string {
  const dir = mkdtempSync(join(tmpdir(), "amc-leftovers-"))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  return dir
}

test("what a killed writer left is removed, and nothing else", async () => {
  const dir = tempDir()
  writeFileSync(temporaryPath(dir), "half a pay")
  mkdirSync(join(dir, "ab"))
  writeFileSync(join(dir, "ab", "payload"), "whole")
  await removeLeftovers(dir)
  expect(readdirSync(dir, { recursive: true }).toSorted()).toEqual(["ab", "ab/payload"])
})

test("a folder that is not there has none", async () => {
  await expect(removeLeftovers(join(tempDir(), "blobs"))).resolves.toBeUndefined()
})

test("what can't be listed is no clean folder", async () => {
  const dir = join(tempDir(), "x".repeat(300))
  await expect(removeLeftovers(dir)).rejects.toMatchObject({ code: "store/unavailable" })
})

test("a payload that can't get its name leaves nothing behind", async () => {
  const dir = tempDir()
  const bytes = new TextEncoder().encode("secret")
  const sha256 = sha256Hex(bytes)
  writeFileSync(join(dir, sha256.slice(0, 2)), "in the way")
  await expect(new FileBlobStore(dir).put(sha256, bytes)).rejects.toMatchObject({
    code: "store/unavailable",
  })
  expect(readdirSync(dir).filter(isLeftover)).toEqual([])
  expect(existsSync(join(dir, sha256.slice(0, 2)))).toBe(true)
})
