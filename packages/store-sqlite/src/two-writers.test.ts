import { type ChildProcessByStdio, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import type { Readable, Writable } from "node:stream"
import { fileURLToPath } from "node:url"
import { laneBreaches, sampleAudit, seededSigner } from "@amc/testkit"
import { LaneWriter, uuidSource } from "@amc/ledger"
import { expect, onTestFinished, test } from "vitest"
import { lockLane, openLedger } from "./index.ts"

const entry = fileURLToPath(new URL("./writer-child.fixture.ts", import.meta.url))
const terms = { lane: "main", rootSha256: "ab".repeat(32), key: seededSigner("crash").key }

function tempDir(): string {
  const dir = mkdtempSync(join(tmpdir(), "amc-writers-"))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  return dir
}

/** A process that is loaded and waits to be told to write. */
class Writer {
  readonly child: ChildProcessByStdio<Writable, Readable, null>
  readonly lines: string[] = []
  readonly ended: Promise<unknown>
  #watchers: (() => void)[] = []

  constructor(dir: string, takes: "lock" | "no lock", count: number) {
    const args = [entry, dir, takes, `${count}`]
    this.child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] })
    onTestFinished(() => void this.child.kill("SIGKILL"))
    this.ended = once(this.child, "close").then(() => this.#wake())
    createInterface(this.child.stdout).on("line", (line) => {
      this.lines.push(line)
      this.#wake()
    })
  }

  go(): void {
    this.child.stdin.write("!")
  }

  async says(word: string, times = 1): Promise<void> {
    while (this.lines.filter((line) => line.startsWith(word)).length < times) {
      if (this.child.exitCode !== null) throw new Error(`it ended: ${this.lines.join("; ")}`)
      await new Promise<void>((resolve) => this.#watchers.push(resolve))
    }
  }

  async kill(): Promise<void> {
    this.child.kill("SIGKILL")
    await this.ended
  }

  refusals(): string[] {
    return this.lines.filter((line) => line.startsWith("refused")).map((line) => line.slice(8))
  }

  #wake(): void {
    for (const wake of this.#watchers.splice(0)) wake()
  }
}

async function ready(...args: ConstructorParameters<typeof Writer>): Promise<Writer> {
  const writer = new Writer(...args)
  await writer.says("ready")
  return writer
}

/** The chain is good, and holds all that anybody was told. */
async function expectAll(dir: string, writers: readonly Writer[]): Promise<number> {
  const { events, close } = openLedger(dir, { readOnly: true })
  expect(await laneBreaches(events, terms)).toEqual([])
  const hashes: string[] = []
  for await (const { leafHash } of events.read("main", 0))
    hashes.push(Buffer.from(leafHash).toString("hex"))
  await close()
  const told = writers.flatMap(({ lines }) => lines.filter((line) => line.startsWith("event")))
  expect(new Set(told).size).toBe(told.length)
  for (const line of told) {
    const [, lseq, hash] = line.split(" ")
    expect(hashes[Number(lseq)]).toBe(hash)
  }
  return hashes.length
}

test("L23 of several processes that start at once exactly one gets the lane, and the others are told why", async () => {
  const dir = tempDir()
  const writers = await Promise.all([1, 2, 3].map(() => ready(dir, "lock", 20)))
  for (const writer of writers) writer.go()
  await Promise.any(writers.map((writer) => writer.says("held")))
  const winner = writers.find(({ lines }) => lines.includes("held"))!
  const losers = writers.filter((writer) => writer !== winner)
  await Promise.all(losers.map(({ ended }) => ended))
  expect(losers.map((loser) => loser.refusals())).toEqual([
    ["ledger/lane-taken"],
    ["ledger/lane-taken"],
  ])
  expect(await expectAll(dir, writers)).toBe(20)
})

test("L23 a lane stays taken although nobody keeps its lock in hand", async () => {
  const dir = tempDir()
  const writer = await ready(dir, "lock", 500)
  writer.go()
  await writer.says("held")
  await expect(lockLane(dir, "main")).rejects.toMatchObject({ code: "ledger/lane-taken" })
})

test("L23 a lane whose owner was killed is free at once, whatever the owner left, and its chain goes on", async () => {
  const dir = tempDir()
  const [first, second] = await Promise.all([ready(dir, "lock", 1_000_000), ready(dir, "lock", 20)])
  first.go()
  await first.says("event", 5)
  await expect(lockLane(dir, "main")).rejects.toMatchObject({ code: "ledger/lane-taken" })
  await first.kill()
  expect(existsSync(join(dir, "main.lock"))).toBe(true)
  second.go()
  await second.says("held")
  expect(second.refusals()).toEqual([])
  await expect(lockLane(dir, "main")).rejects.toMatchObject({ code: "ledger/lane-taken" })
  expect(await expectAll(dir, [first, second])).toBeGreaterThanOrEqual(25)
})

test("the lock names no process, so that a number which is used again means nothing", async () => {
  const dir = tempDir()
  const lock = await lockLane(dir, "main")
  expect(readFileSync(join(dir, "main.lock"))).toHaveLength(0)
  lock.release()
  writeFileSync(join(dir, "main.lock"), `${process.pid}\n`)
  await expect(lockLane(dir, "main")).rejects.toMatchObject({ code: "store/unavailable" })
})

test("L23 two processes that write one lane without its lock fork nothing, also when one is killed", async () => {
  const dir = tempDir()
  const [killed, other] = await Promise.all([
    ready(dir, "no lock", 1_000_000),
    ready(dir, "no lock", 60),
  ])
  killed.go()
  await killed.says("event", 3)
  other.go()
  await other.says("event", 3)
  await killed.says("refused")
  await killed.kill()
  await other.says("held")
  const refused = new Set([...killed.refusals(), ...other.refusals()])
  expect([...refused]).toContain("store/conflict")
  expect([...refused].filter((code) => !/^store\/(conflict|unavailable)$/u.test(code))).toEqual([])
  expect(await expectAll(dir, [killed, other])).toBeGreaterThanOrEqual(6)
})

test("L23 of two recorders on one database the one that was overtaken is refused, and goes on from the other's end", async () => {
  const dir = tempDir()
  let now = 1_800_000_000_000
  const open = async (): Promise<LaneWriter> => {
    const { events: store, blobs, close } = openLedger(dir)
    onTestFinished(() => close())
    const common = { ...terms, store, blobs, origin: "acme/ledger", ids: uuidSource }
    return LaneWriter.open({ ...common, signer: seededSigner("crash"), clock: () => now++ })
  }
  const [first, second] = [await open(), await open()]
  await first.record(sampleAudit("first"))
  await expect(second.record(sampleAudit("overtaken"))).rejects.toMatchObject({
    code: "store/conflict",
  })
  expect(await second.record(sampleAudit("after"))).toMatchObject({ lseq: 1 })
  expect(await expectAll(dir, [])).toBe(2)
})
