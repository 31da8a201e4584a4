import { chmodSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { witnessStoreContract } from "@amc/testkit"
import Database from "better-sqlite3"
import { expect, onTestFinished, test } from "vitest"
import { openWitnessStore } from "./sqlite-witness-store.ts"

const first = { origin: "a", size: 1, note: "one", time: 1 }
const second = { origin: "a", size: 2, note: "two", time: 2 }

function newPath(): string {
  const folder = mkdtempSync(join(tmpdir(), "amc-witness-"))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, "witness.sqlite")
}

witnessStoreContract("sqlite", async () => {
  const path = newPath()
  const open = [openWitnessStore(path, { isNew: true })]
  return {
    open: async () => {
      const store = openWitnessStore(path)
      open.push(store)
      return store
    },
    remove: async () => {
      for (const store of open) await store.close()
    },
  }
})

test("keeps what it was given across a reopen, and for another process", async () => {
  const path = newPath()
  const store = openWitnessStore(path, { isNew: true })
  const other = openWitnessStore(path)
  await store.swap(null, first)
  expect(await other.latest("a")).toEqual(first)
  expect(await other.swap(null, second)).toBe(false)
  expect(await other.swap(first, second)).toBe(true)
  expect(await store.swap(first, { ...second, note: "fork" })).toBe(false)
  for (const each of [store, other]) await each.close()
  const again = openWitnessStore(path)
  expect(await again.latest("a")).toEqual(second)
  await again.close()
})

test("a memory that is gone is not made anew, and one that is there not overwritten", async () => {
  const path = newPath()
  expect(() => openWitnessStore(path)).toThrow(
    expect.objectContaining({ code: "store/unavailable" }),
  )
  await openWitnessStore(path, { isNew: true }).close()
  expect(() => openWitnessStore(path, { isNew: true })).toThrow(
    expect.objectContaining({ code: "workspace/exists" }),
  )
})

test("refuses a memory that others may write, or of another version", async () => {
  const path = newPath()
  await openWitnessStore(path, { isNew: true }).close()
  chmodSync(path, 0o644)
  expect(() => openWitnessStore(path)).toThrow(
    expect.objectContaining({ code: "store/unavailable" }),
  )
  chmodSync(path, 0o600)
  const db = new Database(path)
  db.pragma("user_version = 2")
  db.close()
  expect(() => openWitnessStore(path)).toThrow(
    expect.objectContaining({ code: "input/unsupported-version" }),
  )
})

test("not even the owner of the file lets a tree shrink by mistake", async () => {
  const path = newPath()
  const store = openWitnessStore(path, { isNew: true })
  await store.swap(null, second)
  const db = new Database(path)
  expect(() => db.exec("UPDATE latest SET size = 1")).toThrow(/goes on/)
  expect(() => db.exec("DELETE FROM latest")).toThrow(/forgets nothing/)
  db.close()
  await store.close()
})
