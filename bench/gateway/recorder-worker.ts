import { type MessagePort, workerData } from "node:worker_threads"
import { LaneWriter, serveRecorder, uuidSource } from "@amc/ledger"
import { lockLane, openLedger } from "@amc/store-sqlite"
import { seededSigner } from "@amc/testkit"

/** What a gateway of the bench tells its recorder's thread. */
export interface RecorderTerms {
  readonly dir: string
  readonly port: MessagePort
}

const { dir, port } = workerData as RecorderTerms
const lock = await lockLane(dir, "main")
const ledger = openLedger(dir)
const opening = LaneWriter.open({
  store: ledger.events,
  blobs: ledger.blobs,
  lane: "main",
  origin: "bench/ledger",
  rootSha256: "ab".repeat(32),
  signer: seededSigner("bench"),
  ids: uuidSource,
  clock: () => Date.now(),
})
await serveRecorder(port, opening)
await ledger.close()
lock.release()
