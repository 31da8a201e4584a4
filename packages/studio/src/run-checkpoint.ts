import { equalBytes, type Finding, MerkleAccumulator, toHex } from "@amc/core"
import type { SqliteLedger } from "@amc/store-sqlite"
import {
  checkpointUse,
  type FindingList,
  keyFindings,
  openSignedCheckpoint,
  type SignedCheckpoint,
} from "@amc/verify"
import type { StoredRun } from "./run-store.ts"
import type { Workspace } from "./workspace.ts"

/** The checkpoint that the run was made at must be one of this very ledger, and kept in it. */
export async function checkRunCheckpoint(
  workspace: Workspace,
  { checkpoint: note }: StoredRun,
  ledger: SqliteLedger,
  findings: FindingList,
): Promise<SignedCheckpoint | undefined> {
  const terms = { code: "run/checkpoint", subject: "checkpoint", tampered: true } as const
  const checkpoint = findings.attempt(terms, () =>
    openSignedCheckpoint(note, workspace.origin, workspace.keyring.keys("ledger")),
  )
  if (checkpoint === undefined) return undefined
  const use = { ...checkpointUse(checkpoint), subject: "checkpoint" }
  findings.addAll(keyFindings(workspace.keyring, use))
  if (!(await isOfLedger(checkpoint, workspace, ledger)))
    findings.add({
      ...terms,
      detail: "the ledger is not the one that the run's checkpoint commits to",
    })
  const kept = await ledger.events.checkpoints()
  if (!kept.some((each) => each.note === note))
    findings.add({
      code: "checkpoint/missing",
      subject: "checkpoint",
      detail: "the ledger no longer keeps the checkpoint that the run was made at",
      tampered: true,
    })
  return checkpoint
}

async function isOfLedger(
  { size, root }: SignedCheckpoint,
  { lane }: Workspace,
  ledger: SqliteLedger,
): Promise<boolean> {
  const tree = new MerkleAccumulator()
  for await (const leafHash of ledger.events.leafHashes(lane, 0)) {
    if (tree.size === size) break
    tree.append(leafHash)
  }
  return tree.size === size && equalBytes(tree.root(), root)
}

/** What is wrong with a seal that names another checkpoint. */
export function sealedAtAnother(
  sealed: { size: number; root_sha256: string },
  { size, root }: SignedCheckpoint,
): Finding[] {
  if (size === sealed.size && toHex(root) === sealed.root_sha256) return []
  return [
    {
      code: "run/checkpoint",
      subject: "checkpoint",
      detail: "the seal names another checkpoint",
      tampered: true,
    },
  ]
}
