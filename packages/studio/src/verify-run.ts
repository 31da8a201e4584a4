import { sha256Hex, type Verdict } from "@amc/core"
import { encodeReport } from "@amc/score"
import { type Evidence, FindingList, type RunSummary, verifyRun } from "@amc/verify"
import { attemptRead } from "./ledger-finding.ts"
import { withLedger } from "./ledger-reader.ts"
import { checkRunCheckpoint, sealedAtAnother } from "./run-checkpoint.ts"
import { checkRunEvidence } from "./run-evidence.ts"
import { anotherRun, checkRecorded, readRunFiles } from "./run-files.ts"
import { readBundleHere, type VerifyBundleTerms } from "./verify-bundle.ts"
import type { Workspace } from "./workspace.ts"

/** What a stored run was verified to be. */
export interface VerifiedRun {
  readonly run_id: string
  readonly agent: string
  readonly events: number
  readonly report_sha256: string
}

/** A verified run with the evidence that its report was rebuilt from, read anew each time that somebody goes through it. */
export interface ReadRun {
  readonly run: RunSummary
  readonly events: Evidence
}

/**
 * Rebuilds a stored run's report from the ledger and compares it with the sealed one, byte for byte
 * (S3). The evidence's chains and signatures are verified first.
 *
 * @throws {@link AmcError} `run/unknown` if nothing lies under the id, `store/unavailable`
 */
export function verifyStoredRun(
  workspace: Workspace,
  runId: string,
): Promise<Verdict<VerifiedRun>> {
  return readVerifiedRun(workspace, runId, verifiedRunOf)
}

/**
 * The same from a bundle, which is verified as {@link readBundleHere} does: its run's report is rebuilt from
 * the events that it holds.
 *
 * @throws {@link AmcError} `usage/invalid` if there is no root to trust
 */
export async function verifyBundledRun(
  bytes: Uint8Array,
  terms: VerifyBundleTerms,
): Promise<Verdict<VerifiedRun>> {
  const verdict = await readBundleHere(bytes, terms)
  if (!verdict.accepted) return verdict
  return { accepted: true, value: verifiedRunOf(verdict.value.evidence) }
}

function verifiedRunOf({ run: { run, report, events } }: Pick<ReadRun, "run">): VerifiedRun {
  const report_sha256 = sha256Hex(encodeReport(report))
  return { run_id: run.run_id, agent: run.agent, events, report_sha256 }
}

/** {@link verifyStoredRun} for those who go on with the evidence, which is there while `use` goes on. */
export async function readVerifiedRun<T>(
  workspace: Workspace,
  runId: string,
  use: (read: ReadRun) => T | Promise<T>,
): Promise<Verdict<T>> {
  const findings = new FindingList()
  const stored = await readRunFiles(workspace, runId, findings)
  if (stored === undefined) return findings.verdict<T>(undefined)
  const { keyring } = workspace
  const { seal, report } = stored
  findings.addAll(anotherRun(workspace, stored))
  return withLedger(workspace, async (ledger) => {
    const checkpoint = await checkRunCheckpoint(workspace, stored, ledger, findings)
    const sealedAt = await checkRecorded(workspace, stored, ledger, findings)
    const evidence = await checkRunEvidence(workspace, runId, ledger, findings)
    if (evidence === undefined) return findings.verdict<T>(undefined)
    const judged = { ...evidence, seal, report, sealedAt, keyring }
    const verdict = await attemptRead("evidence", findings, () => verifyRun(judged))
    if (verdict?.accepted === false) findings.addAll(verdict.findings)
    if (verdict?.accepted !== true) return findings.verdict<T>(undefined)
    const run = verdict.value
    if (checkpoint !== undefined) findings.addAll(sealedAtAnother(run.run.checkpoint, checkpoint))
    if (!findings.isEmpty) return findings.verdict<T>(undefined)
    return { accepted: true, value: await use({ ...evidence, run }) }
  })
}
