import {
  equalBytes,
  type Finding,
  MerkleAccumulator,
  sha256Hex,
  toHex,
  type Verdict,
  verdictOf,
} from "@amc/core"
import type { SqliteLedger } from "@amc/store-sqlite"
import {
  ChainCheck,
  type CheckedEvent,
  FindingList,
  openSignedCheckpoint,
  type SignedCheckpoint,
  verifyRun,
} from "@amc/verify"
import { withLedger } from "./ledger-reader.ts"
import { findRunOpened, readRunSlice } from "./run-slice.ts"
import { loadRun, type StoredRun } from "./run-store.ts"
import type { Workspace } from "./workspace.ts"

/** What a stored run was verified to be. */
export interface VerifiedRun {
  readonly run_id: string
  readonly agent: string
  readonly events: number
  readonly report_sha256: string
}

/**
 * Rebuilds a stored run's report from the ledger and compares it with the sealed one, byte for byte
 * (S3). The evidence's chains and signatures are verified first.
 *
 * @throws {@link AmcError} `run/unknown`, `run/not-reproducible`, `store/unavailable`
 */
export async function verifyStoredRun(
  workspace: Workspace,
  runId: string,
): Promise<Verdict<VerifiedRun>> {
  const stored = loadRun(workspace.dir, runId)
  const findings = new FindingList()
  const events = await withLedger(workspace, async (ledger) => {
    await checkCheckpoint(workspace, stored, ledger, findings)
    return checkedEvents(workspace, runId, ledger, findings)
  })
  const verdict = verifyRun({
    events,
    seal: stored.seal,
    report: stored.report,
    keyring: workspace.keyring,
  })
  if (!verdict.accepted) findings.addAll(verdict.findings)
  else findings.addAll(sealedAtAnother(verdict.value.run.checkpoint, workspace, stored))
  const agent = verdict.accepted ? verdict.value.run.agent : ""
  return verdictOf(
    { run_id: runId, agent, events: events.length, report_sha256: sha256Hex(stored.report) },
    findings.all(),
  )
}

async function checkedEvents(
  workspace: Workspace,
  runId: string,
  ledger: SqliteLedger,
  findings: FindingList,
): Promise<CheckedEvent[]> {
  const { keyring, lane } = workspace
  const slice = await readRunSlice(ledger, await findRunOpened(ledger, lane, runId))
  const chains = [
    { agent: slice.runOpened.agent, leaves: slice.agent },
    { agent: "_system", leaves: slice.system },
  ]
  return chains.flatMap(({ agent, leaves }) => {
    const check = new ChainCheck({ keyring, lane, agent }, findings)
    return leaves.flatMap((leaf) => check.add(leaf) ?? [])
  })
}

/** The checkpoint that the run was made at must be one of this very ledger. */
async function checkCheckpoint(
  workspace: Workspace,
  { checkpoint: note }: StoredRun,
  ledger: SqliteLedger,
  findings: FindingList,
): Promise<void> {
  const terms = { code: "run/checkpoint", subject: "checkpoint", tampered: true } as const
  const checkpoint = findings.attempt(terms, () =>
    openSignedCheckpoint(note, workspace.origin, workspace.keyring.keys("ledger")),
  )
  if (checkpoint !== undefined && !(await isOfLedger(checkpoint, workspace, ledger)))
    findings.add({
      ...terms,
      detail: "the ledger is not the one that the run's checkpoint commits to",
    })
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

function sealedAtAnother(
  sealed: { size: number; root_sha256: string },
  workspace: Workspace,
  { checkpoint: note }: StoredRun,
): Finding[] {
  const { size, root } = openSignedCheckpoint(
    note,
    workspace.origin,
    workspace.keyring.keys("ledger"),
  )
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
