import {
  AmcError,
  type Checkpoint,
  consistencyPath,
  isFault,
  parseCosignerVkey,
  type WitnessesConfig,
} from "@amc/core"
import { askWitness, type WitnessAddress, type WitnessReply } from "@amc/ledger"
import { withLedger } from "./ledger-reader.ts"
import { rememberWitnessSizes, witnessSizes } from "./witness-sizes.ts"
import type { Workspace } from "./workspace.ts"

/** How long all witnesses of a checkpoint together may take. */
const patienceMs = 5000

/** A checkpoint that was signed and is kept in the ledger. */
export interface SignedTree extends Checkpoint {
  readonly note: string
}

/** What came of asking a witness: the line of the note, or why there is none. */
export interface Asked {
  readonly vkey: string
  readonly line?: string
  readonly warning?: string
}

/** Asks all witnesses for their cosignature of a checkpoint at once. Gives up on those that take too long. */
export async function askWitnesses(
  workspace: Workspace,
  tree: SignedTree,
  { witnesses }: WitnessesConfig,
): Promise<readonly Asked[]> {
  const hashes = await leafHashes(workspace, tree.size)
  const sizes = witnessSizes(workspace)
  const signal = AbortSignal.timeout(patienceMs)
  const ask = async ({ url, vkey }: WitnessesConfig["witnesses"][number]): Promise<Asked> => {
    const address = { url, verifier: parseCosignerVkey(vkey) }
    const start = Math.min(sizes.get(vkey) ?? 0, tree.size)
    return { vkey, ...(await askOne(address, { tree, hashes, start, signal })) }
  }
  const asked = await Promise.all(witnesses.map(ask))
  const cosigned = asked.filter(({ line }) => line !== undefined)
  rememberWitnessSizes(workspace, new Map(cosigned.map(({ vkey }) => [vkey, tree.size])))
  return asked
}

interface Question {
  readonly tree: SignedTree
  readonly hashes: readonly Uint8Array[]
  /** The size that the witness is thought to hold. */
  readonly start: number
  readonly signal: AbortSignal
}

/** Asks again once, from the size that the witness tells. */
async function askOne(address: WitnessAddress, question: Question): Promise<Omit<Asked, "vkey">> {
  const { name } = address.verifier
  const { size } = question.tree
  try {
    const first = await askFrom(address, question, question.start)
    const isAhead = first.kind === "size" && first.size > size
    const reply =
      first.kind === "size" && !isAhead ? await askFrom(address, question, first.size) : first
    if (reply.kind === "cosigned") return { line: reply.line }
    if (reply.kind === "contradicted")
      return { warning: `witness ${name} says that it cosigned another history of this ledger` }
    return isAhead
      ? {
          warning: `witness ${name} says that it cosigned ${reply.size} events of this ledger, which has ${size}: it is an older one, or another`,
        }
      : { warning: `witness ${name} told another size each time` }
  } catch (error) {
    if (!isFault(error, "witness/unavailable")) throw error
    return { warning: `no cosignature: ${error.message}` }
  }
}

function askFrom(
  address: WitnessAddress,
  { tree, hashes, signal }: Question,
  oldSize: number,
): Promise<WitnessReply> {
  const path = oldSize === 0 ? [] : consistencyPath(hashes, oldSize)
  return askWitness(address, { oldSize, path, note: tree.note }, signal)
}

/** With one lane the leaves of the tree are those of the lane. */
function leafHashes(workspace: Workspace, size: number): Promise<readonly Uint8Array[]> {
  return withLedger(workspace, async ({ events }) => {
    const hashes: Uint8Array[] = []
    for await (const hash of events.leafHashes(workspace.lane, 0)) {
      if (hashes.length === size) break
      hashes.push(hash)
    }
    if (hashes.length === size) return hashes
    throw new AmcError("store/unavailable", "the ledger has fewer events than its checkpoint")
  })
}
