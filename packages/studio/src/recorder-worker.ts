import { type MessagePort, workerData } from "node:worker_threads"
import { LaneWriter, recoverLane, serveRecorder, uuidSource } from "@amc/ledger"
import { lockLane, openLedger } from "@amc/store-sqlite"
import { openLaneSigner, readPassphraseFile } from "@amc/vault"
import type { RecorderThreadTerms } from "./recorder-thread.ts"

const terms = workerData as RecorderThreadTerms & { readonly port: MessagePort }

/** The lane's lock comes first: only its holder may look for what a crash left open. */
async function openWriter(): Promise<{ writer: LaneWriter; release: () => Promise<void> }> {
  const lock = await lockLane(terms.ledgerDir, terms.lane)
  const ledger = openLedger(terms.ledgerDir)
  const passphrase = readPassphraseFile(terms.passphrasePath)
  const signer = await openLaneSigner(terms.vaultPath, passphrase)
  passphrase.fill(0)
  const { lane, origin, rootSha256 } = terms
  const writer = await LaneWriter.open({
    store: ledger.events,
    blobs: ledger.blobs,
    lane,
    origin,
    rootSha256,
    signer,
    ids: uuidSource,
    // The thread's entry is where the clock of the ledger comes in.
    // oxlint-disable-next-line no-restricted-globals
    clock: () => Date.now(),
  })
  await recoverLane(writer)
  return {
    writer,
    release: async () => {
      await ledger.close()
      lock.release()
    },
  }
}

const opening = openWriter()
await serveRecorder(
  terms.port,
  opening.then(({ writer }) => writer),
)
await opening.then(
  ({ release }) => release(),
  // The client was told why; there is nothing to give back.
  () => undefined,
)
