import { execFileSync } from "node:child_process"
import {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { sha256Hex, utf8 } from "@amc/core"
import { expect, onTestFinished, test } from "vitest"
import { FileBlobStore } from "./file-blob-store.ts"

const bytes = utf8("what an agent sent")
const sha256 = sha256Hex(bytes)

test.each([
  { why: "a pipe", put: (path: string) => void execFileSync("mkfifo", [path]) },
  { why: "a folder", put: (path: string) => void mkdirSync(path) },
  {
    why: "a link to the same bytes",
    put: (path: string) => {
      writeFileSync(`${path}.real`, bytes)
      symlinkSync(`${path}.real`, path)
    },
  },
  {
    why: "more than a payload can be",
    put: (path: string) => {
      writeFileSync(path, "")
      truncateSync(path, 3 * 2 ** 30)
    },
  },
  { why: "other bytes", put: (path: string) => writeFileSync(path, "other") },
])("$why in the place of a payload is damage", async ({ put }) => {
  const { store, path } = await stored()
  rmSync(path)
  put(path)
  await expect(store.get(sha256)).rejects.toMatchObject({ code: "store/damaged" })
})

test("a payload whose folder was replaced by a file is not there", async () => {
  const { store, path } = await stored()
  renameSync(dirname(path), `${dirname(path)}.old`)
  writeFileSync(dirname(path), "in the way")
  expect(await store.get(sha256)).toBeNull()
})

async function stored(): Promise<{ store: FileBlobStore; path: string }> {
  const dir = mkdtempSync(join(tmpdir(), "amc-blobs-"))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  const store = new FileBlobStore(dir)
  await store.put(sha256, bytes)
  expect(await store.get(sha256)).toEqual(bytes)
  return { store, path: join(dir, sha256.slice(0, 2), sha256.slice(2, 4), sha256) }
}
