import { extname } from "node:path"
import { fileURLToPath } from "node:url"
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads"
import { AmcError } from "@amc/core"
import { type FaultMessage, faultOf } from "@amc/ledger"
import type { Keeper, KeeperPlace, KeptTree, SignedTree } from "./checkpoint-keeper.ts"

/** A tree to keep; null to end. */
export interface KeeperRequest {
  readonly id: number
  readonly tree: SignedTree | null
}

export type KeeperReply =
  | { readonly id: number; readonly kept: KeptTree | null }
  | { readonly id: number; readonly fault: FaultMessage }

interface Pending {
  readonly resolve: (kept: KeptTree | null) => void
  readonly reject: (error: unknown) => void
}

/** A keeper on a thread of its own, so that neither the recorder nor a call waits for its disk. */
export class KeeperThread implements Keeper {
  readonly #port: MessagePort
  readonly #ended: Promise<void>
  readonly #pending = new Map<number, Pending>()
  #nextId = 0
  #isEnded = false

  constructor(place: KeeperPlace) {
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    const worker = new Worker(entry(), {
      workerData: { place, port: port2 },
      transferList: [port2],
      env: {},
      execArgv: [],
    })
    worker.unref()
    this.#ended = new Promise((resolve) => worker.once("exit", () => resolve()))
    worker.once("error", (cause) => this.#end(cause))
    void this.#ended.then(() => this.#end())
    port1.on("message", (reply: KeeperReply) => this.#settle(reply))
    port1.unref()
  }

  async keep(tree: SignedTree): Promise<KeptTree> {
    return (await this.#ask(tree)) ?? { tilesFault: null }
  }

  async close(): Promise<void> {
    if (this.#isEnded) return
    await this.#ask(null)
    await this.#ended
  }

  #ask(tree: SignedTree | null): Promise<KeptTree | null> {
    if (this.#isEnded) return Promise.reject(gone())
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject })
      // Only what is waited for keeps the process alive.
      this.#port.ref()
      const request: KeeperRequest = { id, tree }
      this.#port.postMessage(request, [])
    })
  }

  #settle(reply: KeeperReply): void {
    const pending = this.#pending.get(reply.id)
    this.#pending.delete(reply.id)
    if (this.#pending.size === 0) this.#port.unref()
    if ("fault" in reply) pending?.reject(faultOf(reply.fault))
    else pending?.resolve(reply.kept)
  }

  #end(cause?: unknown): void {
    this.#isEnded = true
    for (const { reject } of this.#pending.values()) reject(gone(cause))
    this.#pending.clear()
    this.#port.close()
  }
}

function gone(cause?: unknown): AmcError {
  return new AmcError("store/unavailable", "the thread that keeps checkpoints has ended", { cause })
}

/** The entry beside this file: TypeScript in the sources, JavaScript when built. */
function entry(): URL {
  return new URL(`./checkpoint-worker${extname(fileURLToPath(import.meta.url))}`, import.meta.url)
}
