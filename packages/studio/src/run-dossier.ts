import { parseDigestText, sha256Hex, toHex, type Verdict } from "@amc/core"
import type { Dossier } from "@amc/report"
import { encodeReport, surveyRun } from "@amc/score"
import { gathered } from "./run-chains.ts"
import { readBundleHere, type VerifyBundleTerms } from "./verify-bundle.ts"
import { type ReadRun, readVerifiedRun } from "./verify-run.ts"
import type { Workspace } from "./workspace.ts"

/**
 * A stored run's report with what lies behind it, after the report was rebuilt from the ledger.
 *
 * @throws {@link AmcError} `run/unknown`, `store/unavailable`, `score/unknown-bank`
 */
export function runDossier(workspace: Workspace, runId: string): Promise<Verdict<Dossier>> {
  const { rootSha256: root_sha256 } = workspace
  return readVerifiedRun(workspace, runId, (read) =>
    dossierOf(read, { basis: "ledger", root_sha256, verifier_label: null }),
  )
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
  const value = await dossierOf(evidence, { basis: "bundle", root_sha256, verifier_label })
  return { accepted: true, value }
}

/** A survey looks at all events together, so that they are held here. */
async function dossierOf(
  { run: { run, report, runOpened, sealedBy }, events }: ReadRun,
  origin: Pick<Dossier, "basis" | "root_sha256" | "verifier_label">,
): Promise<Dossier> {
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
    survey: surveyRun({ events: await gathered(events), runOpened: runOpened.hash }, report),
  }
}
