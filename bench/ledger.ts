import { createPublicKey, verify } from "node:crypto"
import { mkdtempSync, rmSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { commitMessage, hashLeaf, type Observation, parseSignature } from "@amc/core"
import {
  type EventRow,
  LaneWriter,
  type LaneWriterOptions,
  openSession,
  uuidSource,
} from "@amc/ledger"
import { openLedger } from "@amc/store-sqlite"
import { sampleRequest, sampleSession } from "@amc/testkit"
import { generatePrivateKey, laneKeySigner } from "@amc/vault"
import type Database from "better-sqlite3"
import { ratios, spread } from "./statistics.ts"

/**
 * How many signed durable events per second a lane takes in groups, against a bare loop of inserts of
 * the same rows in groups of the same size, alternating. Prints JSON. `node bench/ledger.ts [events] [rounds] [blobs]`; with "blobs" each event
 * brings a payload to store and gets a receipt.
 */
const require = createRequire(new URL("../packages/store-sqlite/package.json", import.meta.url))
const Sqlite = require("better-sqlite3") as typeof Database

const [events = 12_800, rounds = 6] = process.argv.slice(2, 4).map(Number)
const withBlobs = process.argv[4] === "blobs"
const groupSize = 64
const signer = await laneKeySigner(generatePrivateKey())
const key = createPublicKey({ key: Buffer.from(signer.key.spki), format: "der", type: "spki" })
const calls = Array.from({ length: events }, (_, n) => callOf(n))

function callOf(n: number): Observation {
  const call = sampleRequest({
    agent: "coder",
    session: "s1",
    callId: `call-${n}`,
    receipt: withBlobs,
  })
  const { payload } = call
  return withBlobs || payload === undefined
    ? call
    : { ...call, payload: { ...payload, blob: null } }
}

interface Measured {
  readonly perSecond: number
  readonly cpuMicros: number
  /** The rate in the fastest tenth of the groups: what neighbours on the machine disturbed least. */
  readonly calmPerSecond: number
  readonly rows: readonly EventRow[]
}

async function measureLane(dir: string): Promise<Measured> {
  const { events: store, blobs, close } = openLedger(dir)
  const options: LaneWriterOptions = {
    store,
    blobs,
    lane: "main",
    origin: "acme/ledger",
    rootSha256: "ab".repeat(32),
    signer,
    ids: uuidSource,
    clock: () => Date.now(),
  }
  const writer = await LaneWriter.open(options)
  await openSession(writer, { agent: "coder", session: "s1" }, sampleSession)
  const cpu = process.cpuUsage()
  const start = performance.now()
  const groups: number[] = []
  for (let at = 0; at < events; at += groupSize) {
    const groupStart = performance.now()
    await Promise.all(calls.slice(at, at + groupSize).map((call) => writer.record(call)))
    groups.push((groupSize / (performance.now() - groupStart)) * 1000)
  }
  const perSecond = (events / (performance.now() - start)) * 1000
  const { user, system } = process.cpuUsage(cpu)
  const rows: EventRow[] = []
  for await (const row of store.read("main", 1)) rows.push(row)
  await close()
  const calmPerSecond = groups.sort((a, b) => b - a)[Math.floor(groups.length / 10)] ?? 0
  return { perSecond, calmPerSecond, rows, cpuMicros: (user + system) / events }
}

function measureInserts(dir: string, rows: readonly EventRow[]): number {
  const db = new Sqlite(join(dir, "bare.sqlite"))
  db.pragma("journal_mode = WAL")
  db.pragma("synchronous = FULL")
  db.exec("CREATE TABLE bare (lseq INTEGER PRIMARY KEY, leaf_hash BLOB, leaf BLOB) STRICT")
  const insert = db.prepare("INSERT INTO bare VALUES (?, ?, ?)")
  const commit = db.transaction((group: readonly EventRow[]) => {
    for (const { lseq, leafHash, leaf } of group) insert.run(lseq, leafHash, leaf)
  })
  const start = performance.now()
  for (let at = 0; at < rows.length; at += groupSize)
    commit.immediate(rows.slice(at, at + groupSize))
  const perSecond = (rows.length / (performance.now() - start)) * 1000
  db.close()
  return perSecond
}

/** The ceiling: nothing but the signatures, which says how fast this machine is at this moment. */
function measureSignatures(rows: readonly EventRow[]): number {
  const start = performance.now()
  for (const { leaf } of rows) signer.sign(leaf)
  return (rows.length / (performance.now() - start)) * 1000
}

/** Machines differ in this by more than half; by it the figures of two can be compared. */
function measureVerifications(rows: readonly EventRow[]): number {
  const cpu = process.cpuUsage()
  for (const { leaf, signature } of rows.slice(0, 2000)) {
    const proof = parseSignature(signature)
    if (!verify(null, commitMessage(hashLeaf(leaf), proof), key, proof.signature))
      throw new Error("bad signature")
  }
  const { user, system } = process.cpuUsage(cpu)
  return (Math.min(rows.length, 2000) * 1_000_000) / (user + system)
}

const lane: number[] = []
const calm: number[] = []
const inserts: number[] = []
const signatures: number[] = []
const verifications: number[] = []
const cpu: number[] = []
for (let round = 0; round < rounds; round++) {
  const dir = mkdtempSync(join(process.env["BENCH_DIR"] ?? tmpdir(), "amc-bench-"))
  const { perSecond, calmPerSecond, rows, cpuMicros } = await measureLane(dir)
  lane.push(perSecond)
  calm.push(calmPerSecond)
  cpu.push(cpuMicros)
  inserts.push(measureInserts(dir, rows))
  signatures.push(measureSignatures(rows))
  verifications.push(measureVerifications(rows))
  rmSync(dir, { recursive: true })
}
console.log(
  JSON.stringify({
    bench: "ledger",
    events,
    groupSize,
    rounds,
    withBlobs,
    lanePerSecond: spread(lane),
    calmPerSecond: spread(calm),
    cpuMicrosPerEvent: spread(cpu),
    insertsPerSecond: spread(inserts),
    signaturesPerSecond: spread(signatures),
    laneToInserts: ratios(lane, inserts),
    laneToSignatures: ratios(lane, signatures),
    ed25519PerCpuSecond: spread(verifications),
    overEd25519: ratios(lane, verifications),
  }),
)
