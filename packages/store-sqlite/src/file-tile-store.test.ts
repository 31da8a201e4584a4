import { execFileSync } from "node:child_process"
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { tileSizeMax } from "@amc/ledger"
import { tileStoreContract } from "@amc/testkit"
import { expect, onTestFinished, test } from "vitest"
import { FileTileStore } from "./file-tile-store.ts"

function temporary(): string {
  const dir = mkdtempSync(join(tmpdir(), "amc-tiles-"))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

async function listed(store: FileTileStore, folder?: string): Promise<string[]> {
  const names: string[] = []
  for await (const name of store.list(folder)) names.push(name)
  return names.sort()
}

test("keeps files under their paths, for the owner alone, with nothing left beside them", async () => {
  const dir = join(temporary(), "tiles")
  const store = new FileTileStore(dir)
  expect(await listed(store)).toEqual([])
  await store.write("tile/0/x001/234.p/17", Uint8Array.of(1))
  await store.write("tile/0/x001/234", Uint8Array.of(2))
  await store.write("checkpoint", Uint8Array.of(3))
  await store.write("checkpoint", Uint8Array.of(4))
  expect(await new FileTileStore(dir).read("checkpoint")).toEqual(Uint8Array.of(4))
  expect(await listed(store)).toEqual(["checkpoint", "tile/0/x001/234", "tile/0/x001/234.p/17"])
  expect(await listed(store, "tile/0/x001/234.p")).toEqual(["tile/0/x001/234.p/17"])
  expect(readdirSync(dir).sort()).toEqual(["checkpoint", "tile"])
  expect(statSync(join(dir, "tile/0/x001/234")).mode & 0o777).toBe(0o600)
})

test("removes the partial tiles of a full one, and does not mind if there are none", async () => {
  const store = new FileTileStore(temporary())
  await store.write("tile/0/000.p/17", Uint8Array.of(1))
  await store.write("tile/0/000", Uint8Array.of(2))
  await store.removeFolder("tile/0/000.p")
  await store.removeFolder("tile/0/000.p")
  expect(await listed(store)).toEqual(["tile/0/000"])
})

test("says of what is not there that it is not there", async () => {
  const store = new FileTileStore(temporary())
  await store.write("tile/0/000", Uint8Array.of(2))
  expect(await store.read("tile/0/001")).toBeNull()
  expect(await store.read("tile/0/000/1")).toBeNull()
  expect(await listed(store, "tile/0/000.p")).toEqual([])
})

test("what a crash left half written is no tile", async () => {
  const dir = temporary()
  writeFileSync(join(dir, ".new-1-0"), "half")
  expect(await listed(new FileTileStore(dir))).toEqual([])
})

tileStoreContract("files", async () => {
  const dir = mkdtempSync(join(tmpdir(), "amc-tiles-"))
  return {
    open: async () => new FileTileStore(dir),
    remove: async () => rmSync(dir, { recursive: true, force: true }),
  }
})

test.each([
  { why: "a folder", put: (path: string) => mkdirSync(path) },
  { why: "a pipe", put: (path: string) => void execFileSync("mkfifo", [path]) },
  { why: "a link out of it", put: (path: string) => symlinkSync("/etc/hostname", path) },
  {
    why: "more than a tile can be",
    put: (path: string) => writeFileSync(path, new Uint8Array(tileSizeMax + 1)),
  },
])("does not read $why", async ({ put }) => {
  const dir = temporary()
  put(join(dir, "checkpoint"))
  await expect(new FileTileStore(dir).read("checkpoint")).rejects.toMatchObject({
    code: "store/damaged",
  })
})

test("a disk that can't be written is a fault with a name", async () => {
  const dir = temporary()
  writeFileSync(join(dir, "tile"), "in the way")
  await expect(new FileTileStore(dir).write("tile/0/000", Uint8Array.of(1))).rejects.toMatchObject({
    code: "store/unavailable",
  })
})
