import { mkdirSync } from "node:fs"
import { extname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { MessageChannel, Worker } from "node:worker_threads"
import { RecorderClient } from "@amc/ledger"
import type { Workspace } from "./workspace.ts"

/** What the recorder's thread is told; it opens the lane's key itself, so that no other thread holds it. */
export interface RecorderThreadTerms {
  readonly ledgerDir: string
  readonly vaultPath: string
  /** Opens the monitor's slot; the thread wipes it. */
  readonly passphrase: Uint8Array<ArrayBuffer>
  /** What the command's own clock shows, which the thread's goes on from. */
  readonly nowMs: number
  readonly lane: string
  readonly origin: string
  readonly rootSha256: string
}

/** The recorder of a workspace's lane, with the thread that it runs on. */
export interface OwnRecorder {
  readonly client: RecorderClient
  close(): Promise<void>
}

export function ledgerDir(workspace: Pick<Workspace, "dir">): string {
  return join(workspace.dir, "ledger")
}

/**
 * Starts the thread that writes the lane, once it has recovered from a crash. It gets a copy of the
 * passphrase; the caller wipes its own.
 *
 * @throws {@link AmcError} `ledger/lane-taken`, `store/unavailable`, `vault/wrong-passphrase`
 */
export async function openRecorder(
  workspace: Workspace,
  monitorPassphrase: Uint8Array,
  nowMs: number,
): Promise<OwnRecorder> {
  const terms: RecorderThreadTerms = {
    ledgerDir: ledgerDir(workspace),
    vaultPath: join(workspace.dir, "vault.amcvault"),
    passphrase: new Uint8Array(monitorPassphrase),
    lane: workspace.lane,
    origin: workspace.origin,
    rootSha256: workspace.rootSha256,
    nowMs,
  }
  mkdirSync(terms.ledgerDir, { recursive: true, mode: 0o700 })
  const { port1, port2 } = new MessageChannel()
  const worker = new Worker(entry(), {
    workerData: { ...terms, port: port2 },
    transferList: [port2, terms.passphrase.buffer],
    env: {},
    execArgv: [],
  })
  const ended = new Promise<void>((resolve) => worker.once("exit", () => resolve()))
  const client = await opened(port1, worker)
  return {
    client,
    close: async () => {
      await client.close()
      await ended
    },
  }
}

/** A bug in the thread must surface as itself and not only as a closed port. */
function opened(port: MessageChannel["port1"], worker: Worker): Promise<RecorderClient> {
  return new Promise((resolve, reject) => {
    worker.once("error", reject)
    RecorderClient.open(port).then(resolve, reject)
  })
}

/** The entry beside this file: TypeScript in the sources, JavaScript when built. */
function entry(): URL {
  return new URL(`./recorder-worker${extname(fileURLToPath(import.meta.url))}`, import.meta.url)
}
