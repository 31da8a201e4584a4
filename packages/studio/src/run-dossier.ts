import { parseDigestText, sha256Hex, toHex, type Verdict } from "@amc/core"
import type { Dossier } from "@amc/report"
import { encodeReport, surveyRun } from "@amc/score"
import { readBundleHere, type VerifyBundleTerms } from "./verify-bundle.ts"
import { type ReadRun, readVerifiedRun } from "./verify-run.ts"
import type { Workspace } from "./workspace.ts"

/**
 * A stored run's report with what lies behind it, after the report was rebuilt from the ledger.
 *
 * @throws {@link AmcError} `run/unknown`, `store/unavailable`, `score/unknown-bank`
 */
export async function runDossier(workspace: Workspace, runId: string): Promise<Verdict<Dossier>> {
  const verdict = await readVerifiedRun(workspace, runId)
  if (!verdict.accepted) return verdict
  const { rootSha256: root_sha256 } = workspace
  const value = dossierOf(verdict.value, { basis: "ledger", root_sha256, verifier_label: null })
  return { accepted: true, value }
}

/**
 * The same from a bundle, verified as {@link readBundleHere} does.
 *
 * @throws {@link AmcError} `usage/invalid` if there is no root to trust; `score/unknown-bank`
 */
export async function bundleDossier(
  bytes: Uint8Array,
  terms: VerifyBundleTerms,
): Promise<Verdict<Dossier>> {
  const verdict = await readBundleHere(bytes, terms)
  if (!verdict.accepted) return verdict
  const { evidence, summary } = verdict.value
  const root_sha256 = toHex(parseDigestText(summary.rootFingerprint))
  const verifier_label = summary.trust_label
  const value = dossierOf(evidence, { basis: "bundle", root_sha256, verifier_label })
  return { accepted: true, value }
}

function dossierOf(
  { run: { run, report, runOpened, sealedBy }, events }: ReadRun,
  origin: Pick<Dossier, "basis" | "root_sha256" | "verifier_label">,
): Dossier {
  return {
    schema: "amc.dossier/v1",
    ...origin,
    workspace: run.workspace,
    seal: {
      report_sha256: sha256Hex(encodeReport(report)),
      kids: [...sealedBy].sort(),
      checkpoint: run.checkpoint,
    },
    report,
    survey: surveyRun({ events, runOpened: runOpened.hash }, report),
  }
}
