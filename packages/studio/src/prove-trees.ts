import { AmcError, consistencyPath, type Digest, encodeAddCheckpoint } from "@amc/core"
import type { SqliteLedger } from "@amc/store-sqlite"
import { withLedger } from "./ledger-reader.ts"
import type { Workspace } from "./workspace.ts"

/** Between which checkpoints of a ledger something is to be proven, by their sizes. */
export interface TreeSizes {
  readonly from: number
  readonly to: number
}

/**
 * Proves that the tree of a kept checkpoint extends an earlier one: what a verifier asks for that has seen one of them and
 * is shown the other. In the form of an add-checkpoint request (C2SP tlog-witness).
 *
 * @throws {@link AmcError} `usage/invalid`; `ledger/not-published` where no checkpoint of the larger size is kept
 */
export function proveTrees(workspace: Workspace, { from, to }: TreeSizes): Promise<Uint8Array> {
  if (from < 1 || from >= to)
    throw new AmcError("usage/invalid", "--from takes a size of at least 1 that is below --to")
  return withLedger(workspace, async (ledger) => {
    const kept = (await ledger.events.checkpoints()).filter(({ size }) => size === to)
    const last = kept.at(-1)
    if (last === undefined)
      throw new AmcError("ledger/not-published", `no checkpoint of ${to} events is kept`, {
        hint: "take the sizes from what the verifier said",
      })
    const hashes = await leafHashesOf(ledger, workspace.lane, to)
    return encodeAddCheckpoint({
      oldSize: from,
      path: consistencyPath(hashes, from),
      note: last.note,
    })
  })
}

/** The leaf hashes of a lane's first events. */
export async function leafHashesOf(
  { events }: SqliteLedger,
  lane: string,
  size: number,
): Promise<readonly Digest[]> {
  const hashes: Digest[] = []
  for await (const hash of events.leafHashes(lane, 0)) {
    if (hashes.length === size) break
    hashes.push(hash)
  }
  return hashes
}
