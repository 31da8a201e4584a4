import { type Finding, isFault, openRunSeal, sha256Hex } from "@amc/core"
import type { SqliteLedger } from "@amc/store-sqlite"
import { FindingList } from "@amc/verify"
import { findingOf } from "./ledger-finding.ts"
import { eventOf, withLedger } from "./ledger-reader.ts"
import { hasRun, loadRun, type StoredRun } from "./run-store.ts"
import type { Workspace } from "./workspace.ts"

/**
 * What lies under a run's id. Half a run is one that can't be looked at; what lies under no id at all is not one.
 *
 * @throws {@link AmcError} `run/unknown`
 */
export async function readRunFiles(
  workspace: Workspace,
  runId: string,
  findings: FindingList,
): Promise<StoredRun | undefined> {
  const { dir } = workspace
  if (!hasRun(dir, runId)) return loadRun(dir, runId)
  try {
    return loadRun(dir, runId)
  } catch (error) {
    if (isFault(error, "store/damaged")) findings.add(findingOf(error, "files"))
    else if (isFault(error, "run/unknown"))
      findings.add(await halfRun(workspace, runId, error.message))
    else if (isFault(error, "input/unreadable")) findings.add(unknownRun(error.message))
    else throw error
    return undefined
  }
}

/** What the ledger says was sealed was whole once, so that somebody took a part of it away (spec/event.md, 19). */
async function halfRun(workspace: Workspace, runId: string, message: string): Promise<Finding> {
  const { lane } = workspace
  if (!(await withLedger(workspace, (ledger) => wasSealed(ledger, lane, runId))))
    return unknownRun(message)
  const detail = `the ledger says that it was sealed, and ${message}`
  return { code: "run/missing", subject: "files", detail, tampered: true }
}

function unknownRun(detail: string): Finding {
  return { code: "run/unknown", subject: "files", detail, tampered: false }
}

async function wasSealed({ events }: SqliteLedger, lane: string, runId: string): Promise<boolean> {
  // The walk over the rows, since an index can be made to leave some out.
  for await (const { leaf } of events.read(lane, 0)) {
    const event = eventOf(leaf)
    if (event.type === "run_sealed" && event.facts.measured.run_id === runId) return true
  }
  return false
}

/** The files must be those of the run whose name they bear. What is wrong with the seal itself is told by its check. */
export function anotherRun({ keyring }: Workspace, { runId, seal }: StoredRun): readonly Finding[] {
  const found = new FindingList().attempt(
    { code: "run/seal-invalid", subject: "", tampered: true },
    () => openRunSeal(seal, keyring.keys("auditor")).run.run_id,
  )
  if (found === undefined || found === runId) return []
  const detail = `its files are those of ${found}`
  return [{ code: "run/another-run", subject: "run seal", detail, tampered: true }]
}

/** What the ledger says was sealed under this id must be what lies here. Gives where it says so. */
export async function checkRecorded(
  { lane }: Workspace,
  { runId, seal, report }: StoredRun,
  { events }: SqliteLedger,
  findings: FindingList,
): Promise<number | undefined> {
  const terms = { code: "input/malformed", subject: "run_sealed", tampered: true } as const
  let sealedAt: number | undefined
  for await (const { leaf } of events.readType(lane, "run_sealed")) {
    const event = findings.attempt(terms, () => eventOf(leaf))
    if (event?.type !== "run_sealed" || event.facts.measured.run_id !== runId) continue
    const { report_sha256, statement_sha256 } = event.facts.measured
    if (report_sha256 === sha256Hex(report) && statement_sha256 === sha256Hex(seal)) {
      sealedAt ??= event.lseq
      continue
    }
    findings.add({
      code: "run/seal-contradicted",
      subject: "run seal",
      detail: "the ledger says that another seal or report was made of this run",
      tampered: true,
    })
  }
  return sealedAt
}
