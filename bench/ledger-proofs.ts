import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  type Digest,
  encodeCheckpoint,
  hashLeaf,
  rootOf,
  signNote,
  utf8,
  verifyConsistency,
  verifyInclusion,
} from "@amc/core"
import { type EventRow, TileReader, TileWriter } from "@amc/ledger"
import { FileTileStore } from "@amc/store-sqlite"
import { verifyTiles } from "@amc/verify"
import { makeWorld, origin } from "../packages/verify/src/world.fixture.ts"
import { spread } from "./statistics.ts"

/**
 * How long the tree of a ledger takes: to publish it at once, to publish a second's worth of events more, to prove an
 * event and an older tree from files alone, to verify both, and to compare all tiles with all leaves; and the
 * memory that it takes. Leaves are as long as an event's, and made up as they are read, so that what is measured is the
 * tree and not the database. Prints JSON. `node bench/ledger-proofs.ts [leaves] [proofs]`
 */
const [size = 10_000, proofs = 500] = process.argv.slice(2).map(Number)
const second = 1000
const filler = "x".repeat(560)
const folder = mkdtempSync(join(tmpdir(), "amc-bench-"))
const tiles = new FileTileStore(folder)
const world = makeWorld()

function leafOf(n: number): Uint8Array {
  return utf8(`leaf ${String(n).padStart(12, "0")} ${filler}`)
}

async function* read(_lane: string, from: number, to?: number): AsyncGenerator<EventRow> {
  for (let lseq = from; lseq <= (to ?? size - 1); lseq++)
    yield { lseq, leaf: leafOf(lseq) } as EventRow
}

function treeOf(leaves: number): { checkpoint: { size: number; root: Digest }; note: string } {
  const root = rootOf(Array.from({ length: leaves }, (_, n) => hashLeaf(leafOf(n))))
  const checkpoint = { origin, size: leaves, root }
  return { checkpoint, note: signNote(encodeCheckpoint(checkpoint), origin, world.signers.ledger) }
}

async function msOf(work: () => unknown): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}

const first = treeOf(size - second)
const whole = treeOf(size)
let peak = 0
const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 20)
const before = process.memoryUsage().rss
const writer = new TileWriter({ events: { read }, tiles, lane: "main" })
const publishMs = await msOf(() => writer.publish(first.checkpoint, first.note))
const growMs = await msOf(() => writer.publish(whole.checkpoint, whole.note))

const reader = new TileReader(tiles, size)
const { root } = whole.checkpoint
const cpuBefore = process.cpuUsage()
const cpuProofs = 200
for (let n = 0; n < cpuProofs; n++) await reader.inclusion(Math.floor((n * 7919) % size))
const cpu = process.cpuUsage(cpuBefore)
const step = Math.max(1, Math.floor((size - 1) / proofs))
const times = {
  proveMs: [] as number[],
  coldMs: [] as number[],
  verifyMs: [] as number[],
  proveTreeMs: [] as number[],
}
for (let index = 1; index < size; index += step) {
  let path: Digest[] = []
  times.coldMs.push(await msOf(async () => new TileReader(tiles, size).inclusion(index)))
  times.proveMs.push(await msOf(async () => (path = await reader.inclusion(index))))
  const leafHash = hashLeaf(leafOf(index))
  times.verifyMs.push(
    await msOf(() => {
      if (!verifyInclusion(leafHash, { leafIndex: index, treeSize: size, path }, root))
        throw new Error("a proof does not hold")
    }),
  )
  const oldRoot = await reader.root(index)
  times.proveTreeMs.push(await msOf(async () => (path = await reader.consistency(index))))
  if (!verifyConsistency({ oldSize: index, newSize: size, oldRoot, newRoot: root, path }))
    throw new Error("an older tree is not proven")
}
const fsckMs = await msOf(async () => {
  const verdict = await verifyTiles(
    {
      lanes: async () => ["main"],
      leaves: () => read("main", 0),
      checkpoints: async () => [first.note, whole.note],
      tiles,
    },
    { keyring: world.keyring, origin },
  )
  if (!verdict.accepted) throw new Error(verdict.findings[0].code)
})
clearInterval(watch)
rmSync(folder, { recursive: true })

const round = (n: number): number => Math.round(n * 1000) / 1000
const p99 = (all: readonly number[]): number =>
  round(all.toSorted((a, b) => a - b)[Math.floor(all.length * 0.99)] ?? 0)
console.log(
  JSON.stringify({
    bench: "ledger-proofs",
    leaves: size,
    publishMs: round(publishMs),
    publishSecondMs: round(growMs),
    proveMs: spread(times.proveMs.map(round)),
    // Of the processor, so that a busy machine counts less against it.
    proveCpuMs: round((cpu.user + cpu.system) / 1000 / cpuProofs),
    proveP99Ms: p99(times.proveMs),
    proveColdMs: spread(times.coldMs.map(round)),
    verifyMs: spread(times.verifyMs.map(round)),
    proveTreeMs: spread(times.proveTreeMs.map(round)),
    fsckLeavesPerSecond: Math.round((size * 1000) / fsckMs),
    peakMiB: Math.round(peak / 1024 / 1024),
    grownMiB: Math.round((peak - before) / 1024 / 1024),
  }),
)
