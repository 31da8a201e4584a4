import { uptime } from "node:os"
import { join } from "node:path"
import { type MessagePort, workerData } from "node:worker_threads"
import { LaneWriter, recoverLane, serveRecorder, uuidSource } from "@amc/ledger"
import { blobFolderName, lockLane, openLedger, removeLeftovers } from "@amc/store-sqlite"
import { openLaneSigner } from "@amc/vault"
import type { RecorderThreadTerms } from "./recorder-thread.ts"
import { tileFolderName } from "./tile-folder.ts"

const terms = workerData as RecorderThreadTerms & { readonly port: MessagePort }

// The thread's entry is where the clock of the ledger comes in.
// oxlint-disable-next-line no-restricted-globals
const machineClock = (): number => Date.now()

/** The machine's time; a command that lives in quite another, as a test of years does, keeps its distance. */
const ahead = terms.nowMs - machineClock()
const clock = Math.abs(ahead) < 60_000 ? machineClock : (): number => machineClock() + ahead

/** The lane's lock comes first: only its holder may look for what a crash left open. */
async function openWriter(): Promise<{ writer: LaneWriter; release: () => Promise<void> }> {
  const lock = await lockLane(terms.ledgerDir, terms.lane)
  for (const folder of [blobFolderName, tileFolderName])
    await removeLeftovers(join(terms.ledgerDir, folder))
  const ledger = openLedger(terms.ledgerDir)
  const signer = await openLaneSigner(terms.vaultPath, terms.passphrase)
  const { lane, origin, rootSha256 } = terms
  const writer = await LaneWriter.open({
    store: ledger.events,
    blobs: ledger.blobs,
    lane,
    origin,
    rootSha256,
    signer,
    ids: uuidSource,
    clock,
    upClock: () => uptime() * 1000,
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

const opening = openWriter().finally(() => terms.passphrase.fill(0))
await serveRecorder(
  terms.port,
  opening.then(({ writer }) => writer),
)
await opening.then(
  ({ release }) => release(),
  // The client was told why; there is nothing to give back.
  () => undefined,
)
