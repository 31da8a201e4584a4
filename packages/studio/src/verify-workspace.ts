import type { Finding, Verdict } from "@amc/core"
import type { SqliteLedger } from "@amc/store-sqlite"
import { type LedgerSource, type LedgerSummary, verifyLedger } from "@amc/verify"
import { allConfigs } from "./config-list.ts"
import { withLedger } from "./ledger-reader.ts"
import { listRuns } from "./run-store.ts"
import { verifyStoredRun } from "./verify-run.ts"
import type { Workspace } from "./workspace.ts"

export interface VerifyTerms {
  readonly clock: () => number
  readonly progress: (text: string) => void
}

/** What a workspace was verified to hold. */
export interface WorkspaceSummary {
  readonly events: number
  readonly sessions: number
  readonly blobs: number
  readonly checkpoints: number
  readonly configs: number
  readonly runs: number
}

/**
 * Verifies all of a workspace (L5): the ledger with its chains, signatures, seals, payloads, tree and
 * checkpoints, the config files, and every stored run against the evidence.
 *
 * @throws {@link AmcError} `store/unavailable` where it could not look
 */
export async function verifyWorkspace(
  workspace: Workspace,
  { clock, progress }: VerifyTerms,
): Promise<Verdict<WorkspaceSummary>> {
  progress("verifying the ledger")
  const terms = { keyring: workspace.keyring, origin: workspace.origin, atMs: clock() }
  const ledger = await withLedger(workspace, (opened) =>
    verifyLedger(sourceOf(workspace, opened), terms),
  )
  const findings: Finding[] = ledger.accepted ? [] : [...ledger.findings]
  const runs = listRuns(workspace.dir)
  for (const runId of runs) {
    progress(`verifying ${runId}`)
    const run = await verifyStoredRun(workspace, runId)
    if (!run.accepted)
      findings.push(
        ...run.findings.map((finding) => ({ ...finding, subject: `${runId}: ${finding.subject}` })),
      )
  }
  const [first, ...rest] = findings
  if (first !== undefined) return { accepted: false, findings: [first, ...rest] }
  return ledger.accepted ? { accepted: true, value: summaryOf(ledger.value, runs.length) } : ledger
}

function summaryOf(
  { events, lanes, blobs, checkpoints, configs }: LedgerSummary,
  runs: number,
): WorkspaceSummary {
  return {
    events,
    sessions: lanes.reduce((sum, { sessions }) => sum + sessions.sealed, 0),
    blobs,
    checkpoints,
    configs,
    runs,
  }
}

function sourceOf(workspace: Workspace, { events, blobs }: SqliteLedger): LedgerSource {
  return {
    lanes: () => events.lanes(),
    leaves: (lane) => events.read(lane, 0),
    blob: (sha256) => blobs.get(sha256),
    checkpoints: async () => (await events.checkpoints()).map(({ note }) => note),
    configs: allConfigs(workspace),
  }
}
