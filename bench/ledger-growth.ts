import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { encodeCheckpoint, signNote, verifyInclusion } from "@amc/core"
import {
  LaneWriter,
  openSession,
  sealSession,
  TileReader,
  TileWriter,
  uuidSource,
} from "@amc/ledger"
import { FileTileStore, openLedger } from "@amc/store-sqlite"
import { sampleRequest, sampleResponse, sampleSession } from "@amc/testkit"
import { verifyLedger } from "@amc/verify"
import { laneName, makeWorld, origin, startMs } from "../packages/verify/src/world.fixture.ts"
import { chart } from "./growth-chart.ts"
import { spread } from "./statistics.ts"

/**
 * How appending to a ledger, verifying all of it and proving one event grow with its length: the real lane writer,
 * store, tiles and verifier, one process for each size, so that memory can be told. Prints JSON and draws
 * the curves. `node bench/ledger-growth.ts [svg file] [size ...]`; `node bench/ledger-growth.ts one <size>`
 */
interface Growth {
  readonly events: number
  readonly appendPerSecond: number
  readonly appendCpuMicros: number
  readonly verifyPerCpuSecond: number
  readonly proveMs: number
  readonly bytesPerEvent: number
  readonly appendPeakMiB: number
  readonly verifyPeakMiB: number
}

const callsPerSession = 32
const sessionsAtOnce = 2

async function append(writer: LaneWriter, size: number): Promise<void> {
  for (let unit = 0; writer.checkpoint().size < size; unit++) {
    const names = Array.from({ length: sessionsAtOnce }, (_, n) => ({
      agent: "coder",
      session: `s-${unit}-${n}`,
    }))
    await Promise.all(names.map((name) => openSession(writer, name, sampleSession)))
    const calls = names.flatMap((name) =>
      Array.from({ length: callsPerSession }, (_, n) => ({
        ...name,
        callId: `call-${name.session}-${n}`,
      })),
    )
    const requests = await Promise.all(calls.map((call) => writer.record(sampleRequest(call))))
    await Promise.all(
      calls.map((call, at) => writer.record(sampleResponse(call, requests[at]?.event_hash ?? ""))),
    )
    const terms = { reason: "exited", posture: "shared", hardened: false } as const
    await Promise.all(names.map((name) => sealSession(writer, name, terms)))
  }
}

class Peak {
  #most = 0
  readonly #timer = setInterval(() => this.#look(), 50)

  #look(): void {
    this.#most = Math.max(this.#most, process.memoryUsage().rss)
  }

  end(): number {
    this.#look()
    clearInterval(this.#timer)
    return Math.round(this.#most / 1024 / 1024)
  }
}

async function timed(
  work: () => Promise<void>,
): Promise<{ ms: number; cpuSeconds: number; peakMiB: number }> {
  const [peak, cpu, started] = [new Peak(), process.cpuUsage(), performance.now()]
  await work()
  const { user, system } = process.cpuUsage(cpu)
  return {
    ms: performance.now() - started,
    cpuSeconds: (user + system) / 1e6,
    peakMiB: peak.end(),
  }
}

async function measure(wanted: number): Promise<Growth> {
  const dir = mkdtempSync(join(process.env["BENCH_DIR"] ?? tmpdir(), "amc-bench-"))
  const world = makeWorld()
  const { events, blobs, close } = openLedger(dir)
  const tiles = new FileTileStore(join(dir, "tiles"))
  let now = startMs
  const writer = await LaneWriter.open({
    store: events,
    blobs,
    lane: laneName,
    origin,
    rootSha256: world.rootSha256,
    signer: world.signers.monitor,
    ids: uuidSource,
    clock: () => (now += 1),
  })
  const appended = await timed(() => append(writer, wanted))
  const checkpoint = writer.checkpoint()
  const note = signNote(encodeCheckpoint(checkpoint), origin, world.signers.ledger)
  await events.saveCheckpoint(checkpoint.size, note)
  await new TileWriter({ events, tiles, lane: laneName }).publish(checkpoint, note)
  const source = {
    lanes: () => events.lanes(),
    leaves: (lane: string) => events.read(lane, 0),
    blob: (sha256: string) => blobs.get(sha256),
    checkpoints: async () => (await events.checkpoints()).map((each) => each.note),
    tiles,
    configs: async () => [],
  }
  const verified = await timed(async () => {
    const verdict = await verifyLedger(source, { keyring: world.keyring, origin, atMs: now })
    if (!verdict.accepted) throw new Error(JSON.stringify(verdict.findings[0]))
  })
  const reader = new TileReader(tiles, checkpoint.size)
  const proofs: number[] = []
  for (let at = 0; at < 500; at++) {
    const leafIndex = (at * 7919 * 31) % checkpoint.size
    const started = performance.now()
    const path = await reader.inclusion(leafIndex)
    proofs.push(performance.now() - started)
    const proof = { leafIndex, treeSize: checkpoint.size, path }
    for await (const { leafHash } of events.read(laneName, leafIndex, leafIndex))
      if (!verifyInclusion(leafHash, proof, checkpoint.root)) throw new Error("no proof")
  }
  await close()
  const bytes = statSync(join(dir, "ledger.sqlite")).size
  rmSync(dir, { recursive: true })
  return {
    events: checkpoint.size,
    appendPerSecond: Math.round((checkpoint.size * 1000) / appended.ms),
    appendCpuMicros: Math.round((appended.cpuSeconds * 1e6) / checkpoint.size),
    verifyPerCpuSecond: Math.round(checkpoint.size / verified.cpuSeconds),
    proveMs: spread(proofs).median,
    bytesPerEvent: Math.round(bytes / checkpoint.size),
    appendPeakMiB: appended.peakMiB,
    verifyPeakMiB: verified.peakMiB,
  }
}

function measureAll(file: string | undefined, sizes: readonly number[]): void {
  const growth = sizes.map((size) => {
    process.stderr.write(`${size} events ...\n`)
    const args = [import.meta.filename, "one", String(size)]
    return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" })) as Growth
  })
  const curve = (title: string, unit: string, of: (one: Growth) => number) => ({
    title,
    unit,
    values: growth.map(of),
  })
  const curves = [
    curve("append", "events/s", (one) => one.appendPerSecond),
    curve("verify all", "events per CPU second", (one) => one.verifyPerCpuSecond),
    curve("prove one event", "ms", (one) => one.proveMs),
    curve("most memory, appending", "MiB", (one) => one.appendPeakMiB),
    curve("most memory, verifying", "MiB", (one) => one.verifyPeakMiB),
  ]
  if (file !== undefined) writeFileSync(file, chart(sizes, curves))
  console.log(JSON.stringify({ bench: "ledger-growth", growth }))
}

const [first, ...rest] = process.argv.slice(2)
if (first === "one") console.log(JSON.stringify(await measure(Number(rest[0]))))
else measureAll(first, rest.length > 0 ? rest.map(Number) : [10_000, 100_000, 1_000_000])
