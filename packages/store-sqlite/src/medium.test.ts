import { execFileSync } from "node:child_process"
import { chmodSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { AmcError } from "@amc/core"
import { laneBreaches, seededSigner } from "@amc/testkit"
import Database from "better-sqlite3"
import { expect, onTestFinished, test } from "vitest"
import { ledgerFileName, openLedger } from "./index.ts"
import { openDatabase } from "./ledger-database.ts"
import { storeFault } from "./store-fault.ts"

const child = fileURLToPath(new URL("./medium-child.fixture.ts", import.meta.url))
const row = {
  lseq: 0,
  aseq: 0,
  agent: "coder",
  leafHash: new Uint8Array(32),
  leaf: new Uint8Array(9),
  signature: "signature",
  session: null,
  type: "audit",
  ts: 1,
  id: "x",
}

function tempDir(): string {
  const dir = mkdtempSync(join(tmpdir(), "amc-medium-"))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  return dir
}

/** Runs the child under a shell that first sets a limit; how many were acknowledged and the fault's code. */
function runChild(limit: string, dir: string, user = ""): [acknowledged: number, code: string] {
  const script = `${limit} exec "$0" "$@"`
  const output = execFileSync("bash", ["-c", script, process.execPath, child, dir, user], {
    encoding: "utf8",
  })
  const [acknowledged, code = ""] = output.trim().split(" ")
  return [Number(acknowledged), code]
}

test("L25 a full disk refuses, loses nothing that was acknowledged, and the lane goes on when there is room", async () => {
  const dir = tempDir()
  const [acknowledged, code] = runChild("trap '' XFSZ; ulimit -f 2000;", dir)
  expect(code).toBe("store/unavailable")
  expect(acknowledged).toBeGreaterThan(10)
  const { events, close } = openLedger(dir)
  expect(await events.head("main")).toMatchObject({ lseq: acknowledged - 1 })
  const key = seededSigner("crash").key
  expect(await laneBreaches(events, { lane: "main", rootSha256: "ab".repeat(32), key })).toEqual([])
  await close()
})

test("a folder that may not be written refuses", () => {
  const dir = tempDir()
  chmodSync(dir, 0o555)
  const user = process.getuid?.() === 0 ? "65534" : ""
  expect(runChild("", dir, user)).toEqual([0, "store/unavailable"])
})

test("a database that another holds refuses after a while", async () => {
  const dir = tempDir()
  const { events, close } = openLedger(dir)
  const other = new Database(join(dir, ledgerFileName))
  other.exec("BEGIN IMMEDIATE")
  await expect(events.append("main", null, [row], [])).rejects.toMatchObject({
    code: "store/unavailable",
  })
  other.close()
  await expect(events.append("main", null, [row], [])).resolves.toBeUndefined()
  await close()
})

test.each([
  { why: "cut short", spoil: (path: string) => truncateSync(path, 5000) },
  {
    why: "overwritten",
    spoil: (path: string) => writeFileSync(path, Buffer.alloc(9000, 0x41), { flag: "r+" }),
  },
])("a database that was $why refuses", async ({ spoil }) => {
  const dir = tempDir()
  const ledger = openLedger(dir)
  await ledger.events.append("main", null, [row], [])
  await ledger.close()
  spoil(join(dir, ledgerFileName))
  const read = async (): Promise<unknown> => {
    const { events, close } = openLedger(dir)
    return events.head("main").finally(close)
  }
  await expect(read()).rejects.toMatchObject({ code: "store/unavailable" })
})

test("commits with synchronous FULL in a write-ahead log", () => {
  const db = openDatabase(join(tempDir(), "x.sqlite"), {})
  expect(db.pragma("journal_mode", { simple: true })).toBe("wal")
  expect(db.pragma("synchronous", { simple: true })).toBe(2)
  db.close()
})

test.each([
  ["SQLITE_FULL", "store/unavailable"],
  ["SQLITE_IOERR_FSYNC", "store/unavailable"],
  ["SQLITE_READONLY_DBMOVED", "store/unavailable"],
  ["SQLITE_CORRUPT_VTAB", "store/unavailable"],
  ["SQLITE_CONSTRAINT_UNIQUE", "store/conflict"],
])("takes %s for %s", (code, fault) => {
  expect(storeFault(new Database.SqliteError("x", code))).toMatchObject({ code: fault })
})

test("leaves faults and bugs as they are", () => {
  const bug = new TypeError("x")
  const mistake = new Database.SqliteError("x", "SQLITE_MISUSE")
  const fault = new AmcError("store/conflict", "x")
  expect([bug, mistake, fault].map(storeFault)).toEqual([bug, mistake, fault])
})

test("a database that does not know our statements is damaged", () => {
  const unknown = new Database.SqliteError("no such table: blobs", "SQLITE_ERROR")
  expect(storeFault(unknown)).toMatchObject({ code: "store/damaged" })
})
