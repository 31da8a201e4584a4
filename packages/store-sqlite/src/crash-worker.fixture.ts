import { readSync, writeSync } from "node:fs"
import { type MessagePort, workerData } from "node:worker_threads"
import { LaneWriter, recoverLane, serveRecorder, uuidSource } from "@amc/ledger"
import { seededSigner } from "@amc/testkit"
import { lockLane, openLedger } from "./index.ts"

const { dir, port } = workerData as { readonly dir: string; readonly port: MessagePort }

/** Everything is loaded; the parent says when to go on, so that it can start the next child early. */
async function open(): Promise<LaneWriter> {
  readSync(0, Buffer.alloc(1))
  await lockLane(dir, "main")
  const { events: store, blobs } = openLedger(dir)
  const writer = await LaneWriter.open({
    store,
    blobs,
    lane: "main",
    origin: "acme/ledger",
    rootSha256: "ab".repeat(32),
    signer: seededSigner("crash"),
    ids: uuidSource,
    // oxlint-disable-next-line no-restricted-globals
    clock: () => Date.now(),
  })
  writeSync(1, "recovering\n")
  await recoverLane(writer)
  return writer
}

await serveRecorder(port, open())
