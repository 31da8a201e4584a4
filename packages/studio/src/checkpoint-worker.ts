import { setPriority } from "node:os"
import { type MessagePort, workerData } from "node:worker_threads"
import { type Keeper, type KeeperPlace, openKeeper, type SignedTree } from "./checkpoint-keeper.ts"
import type { KeeperReply, KeeperRequest } from "./checkpoint-thread.ts"
import { faultMessage } from "@amc/ledger"

const { port, place } = workerData as { readonly port: MessagePort; readonly place: KeeperPlace }

// On Linux a thread has a priority of its own: recorder and calls come before the tree.
try {
  if (process.platform === "linux") setPriority(10)
} catch {
  // A service's filter may deny it, and the tree is kept all the same.
}

let opened: Keeper | null = null
let last: Promise<void> = Promise.resolve()

// One after the other: a checkpoint is published after those before it.
port.on("message", (request: KeeperRequest) => {
  last = last.then(() => answer(request))
})

async function answer({ id, tree }: KeeperRequest): Promise<void> {
  if (tree === null) {
    await opened?.close()
    send({ id, kept: null })
    port.close()
    return
  }
  send(await kept(id, tree))
}

async function kept(id: number, tree: SignedTree): Promise<KeeperReply> {
  try {
    opened ??= openKeeper(place)
    return { id, kept: await opened.keep(tree) }
  } catch (error) {
    return { id, fault: faultMessage(error) }
  }
}

function send(reply: KeeperReply): void {
  port.postMessage(reply, [])
}
