import { type MessagePort, workerData } from "node:worker_threads"
import { LaneWriter, serveRecorder, uuidSource } from "@amc/ledger"
import { lockLane, openLedger } from "@amc/store-sqlite"
import { laneKeySigner } from "@amc/vault"

/** What a gateway of the bench tells its recorder's thread. */
export interface RecorderTerms {
  readonly dir: string
  readonly port: MessagePort
  /** The lane's key as PKCS#8. */
  readonly key: Uint8Array
  /** Of the root that the lane's chain begins at; any, where nobody verifies it. */
  readonly rootSha256?: string | undefined
}

const { dir, port, key, rootSha256 = "ab".repeat(32) } = workerData as RecorderTerms
const signer = await laneKeySigner(key)
const lock = await lockLane(dir, "main")
const ledger = openLedger(dir)
const opening = LaneWriter.open({
  store: ledger.events,
  blobs: ledger.blobs,
  lane: "main",
  origin: "bench/ledger",
  rootSha256,
  signer,
  ids: uuidSource,
  clock: () => Date.now(),
})
await serveRecorder(port, opening)
await ledger.close()
lock.release()
