import { AmcError, equalBytes } from "@amc/core"
import { encodeReport, type Explanation, type Report } from "@amc/score"
import { withLedger } from "./ledger-reader.ts"
import { findRunOpened, findRunPlace } from "./run-place.ts"
import { scoreStored } from "./run-slice.ts"
import { listRuns, loadRun, openStoredRun } from "./run-store.ts"
import type { Workspace } from "./workspace.ts"

/** Why one question of a run has its level. */
export interface ExplainedRun {
  readonly report: Report
  readonly explanation: Explanation
}

/**
 * Explains a question of a sealed run from the ledger. It is the sealed report that is explained: the ledger
 * must give its bytes again. The evidence's signatures are for `verifyStoredRun` to check.
 *
 * @throws {@link AmcError} `run/unknown`, `run/not-reproducible`, `score/unknown-question`, `store/damaged`
 */
export function explainStoredRun(
  workspace: Workspace,
  runId: string,
  question: string,
): Promise<ExplainedRun> {
  const stored = loadRun(workspace.dir, runId)
  const { report } = openStoredRun(stored, workspace.keyring)
  return withLedger(workspace, async (ledger) => {
    const place = await findRunPlace(ledger, await findRunOpened(ledger, workspace.lane, runId))
    const score = await scoreStored(ledger, place, report.engine)
    if (!equalBytes(encodeReport(score.report()), stored.report))
      throw new AmcError(
        "run/not-reproducible",
        "the ledger gives another report than the sealed one",
        {
          hint: `look with 'amc run verify ${runId}'`,
        },
      )
    return { report, explanation: score.explain(question) }
  })
}

/** The last sealed run, of an agent or of any. @throws {@link AmcError} `run/unknown` */
export function lastRun({ dir, keyring }: Workspace, agent: string | undefined): string {
  const runs = listRuns(dir).toReversed()
  const found = runs.find(
    (runId) =>
      agent === undefined || openStoredRun(loadRun(dir, runId), keyring).report.agent === agent,
  )
  if (found !== undefined) return found
  const whose = agent === undefined ? "" : ` of ${agent}`
  throw new AmcError("run/unknown", `there is no run${whose} yet`, {
    hint: "'amc run' makes one of what was recorded",
  })
}
