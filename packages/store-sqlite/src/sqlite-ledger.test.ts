import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { sha256Hex } from "@amc/core"
import { blobStoreContract, eventStoreContract } from "@amc/testkit"
import Database from "better-sqlite3"
import { expect, onTestFinished, test } from "vitest"
import { ledgerFileName, lockLane, openLedger, type SqliteLedger } from "./index.ts"
import { isUncommon } from "./schema.ts"

function tempDir(): string {
  return mkdtempSync(join(tmpdir(), "amc-ledger-"))
}

function openTemp(): { dir: string; ledger: SqliteLedger } {
  const dir = tempDir()
  const ledger = openLedger(dir)
  onTestFinished(async () => {
    await ledger.close()
    rmSync(dir, { recursive: true })
  })
  return { dir, ledger }
}

eventStoreContract("sqlite", async () => {
  const dir = tempDir()
  return {
    open: async () => openLedger(dir).events,
    openBlobs: async () => openLedger(dir).blobs,
    remove: async () => rmSync(dir, { recursive: true }),
  }
})

blobStoreContract("sqlite", async () => {
  const dir = tempDir()
  return {
    open: async () => openLedger(dir).blobs,
    remove: async () => rmSync(dir, { recursive: true }),
    damage: async (sha256) => damage(dir, sha256),
  }
})

function damage(dir: string, sha256: string): void {
  const db = new Database(join(dir, ledgerFileName))
  const update = db.prepare("UPDATE blobs SET bytes = x'00' WHERE sha256 = ?")
  const { changes } = update.run(Buffer.from(sha256, "hex"))
  db.close()
  const file = join(dir, "blobs", sha256.slice(0, 2), sha256.slice(2, 4), sha256)
  if (changes === 0) writeFileSync(file, "changed")
}

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

test("leaves the database to its owner alone", async () => {
  const { dir, ledger } = openTemp()
  await ledger.events.append("main", null, [row], [])
  for (const name of [ledgerFileName, `${ledgerFileName}-wal`, `${ledgerFileName}-shm`])
    expect(statSync(join(dir, name)).mode & 0o777).toBe(0o600)
})

test.each(["UPDATE evidence_events SET ts = 2", "DELETE FROM evidence_events"])(
  "refuses to run %s",
  async (statement) => {
    const { dir, ledger } = openTemp()
    await ledger.events.append("main", null, [row], [])
    const db = new Database(join(dir, ledgerFileName))
    onTestFinished(() => void db.close())
    expect(() => db.exec(statement)).toThrow("append-only")
  },
)

test("is read by others while it is written, and not written by them", async () => {
  const { dir, ledger } = openTemp()
  const reader = openLedger(dir, { readOnly: true })
  onTestFinished(() => reader.close())
  await ledger.events.append("main", null, [row], [])
  expect(await reader.events.head("main")).toMatchObject({ lseq: 0 })
  await expect(reader.events.append("other", null, [row], [])).rejects.toMatchObject({
    code: "store/unavailable",
  })
})

test.each([
  { why: "is not there", make: () => undefined },
  {
    why: "is no database",
    make: (path: string) => writeFileSync(path, "x".repeat(9999), { mode: 0o600 }),
  },
  { why: "others may read", make: (path: string) => writeFileSync(path, "", { mode: 0o644 }) },
])("can't read a ledger whose file $why", ({ make }) => {
  const dir = tempDir()
  onTestFinished(() => rmSync(dir, { recursive: true }))
  make(join(dir, ledgerFileName))
  expect(() => openLedger(dir, { readOnly: true })).toThrow(
    expect.objectContaining({ code: "store/unavailable" }),
  )
})

test("says why a ledger can't be opened where nothing can be made beside it", async () => {
  const { dir, ledger } = openTemp()
  await ledger.close()
  mkdirSync(join(dir, `${ledgerFileName}-wal`))
  expect(() => openLedger(dir, { readOnly: true })).toThrow(
    expect.objectContaining({
      code: "store/unavailable",
      hint: expect.stringContaining("-shm"),
    }),
  )
})

test("refuses a ledger of a version that it does not know", () => {
  const { dir } = openTemp()
  const db = new Database(join(dir, ledgerFileName))
  db.pragma("user_version = 99")
  db.close()
  expect(() => openLedger(dir)).toThrow(
    expect.objectContaining({ code: "input/unsupported-version" }),
  )
})

test("gives a lane to one holder at a time", async () => {
  const dir = tempDir()
  onTestFinished(() => rmSync(dir, { recursive: true }))
  const first = await lockLane(dir, "main")
  await expect(lockLane(dir, "main")).rejects.toMatchObject({ code: "ledger/lane-taken" })
  const other = await lockLane(dir, "other")
  first.release()
  const second = await lockLane(dir, "main")
  second.release()
  other.release()
})

test.each([100, 9_000, 200_000])(
  "leaves nothing of a removed payload of %i bytes in any file, while others read",
  async (size) => {
    const { dir, ledger } = openTemp()
    const reader = openLedger(dir, { readOnly: true })
    onTestFinished(() => reader.close())
    const secret = "what-must-go-"
    const bytes = Buffer.from(secret.repeat(Math.ceil(size / secret.length)))
    const sha256 = sha256Hex(bytes)
    const others = Array.from({ length: 40 }, (_, at) => Buffer.alloc(300, at)).map((other) => ({
      sha256: sha256Hex(other),
      bytes: other,
    }))
    await ledger.events.append("main", null, [row], [{ sha256, bytes }, ...others])
    const isAnywhere = (): boolean =>
      readdirSync(dir, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .some((entry) => readFileSync(join(entry.parentPath, entry.name)).includes(secret))
    expect(isAnywhere()).toBe(true)
    await ledger.blobs.remove([sha256])
    expect(isAnywhere()).toBe(false)
    expect(await reader.blobs.get(sha256)).toBeNull()
    expect(await reader.events.head("main")).toMatchObject({ lseq: 0 })
  },
)

test("finds events of a rare type without reading the lane, and those of a common one in its order", async () => {
  const { dir, ledger } = openTemp()
  const types = ["audit", "llm_request", "audit", "llm_response", "llm_request"]
  const group = types.map((type, lseq) => ({ ...row, lseq, aseq: lseq, id: `${lseq}`, type }))
  await ledger.events.append("main", null, group, [])
  const found = async (type: string): Promise<number[]> => {
    const places: number[] = []
    for await (const { lseq } of ledger.events.readType("main", type)) places.push(lseq)
    return places
  }
  expect(await found("audit")).toEqual([0, 2])
  expect(await found("llm_request")).toEqual([1, 4])
  expect(await found("gap")).toEqual([])
  const db = new Database(join(dir, ledgerFileName))
  onTestFinished(() => void db.close())
  const rare = `SELECT leaf FROM evidence_events WHERE lane = ? AND type = ? AND ${isUncommon} AND lseq >= ? ORDER BY lseq`
  const plan = db.prepare<unknown[], { detail: string }>(`EXPLAIN QUERY PLAN ${rare}`)
  expect(plan.all("main", "audit", 0).map(({ detail }) => detail)).toEqual([
    expect.stringContaining("USING INDEX evidence_types (lane=? AND type=? AND lseq>?)"),
  ])
})
