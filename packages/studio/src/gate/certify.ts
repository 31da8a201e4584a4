import { AmcError, type Certificate, parseCertificateFile, sha256Hex, toBase64 } from "@amc/core"
import {
  certificateChecks,
  completenessOf,
  encodeReport,
  gateFinding,
  type GateOutcome,
} from "@amc/score"
import { readTrustFiles } from "@amc/vault"
import { exitOf, type GateVerdict, type VerdictExit } from "@amc/verify"
import { withNotary } from "../notary-session.ts"
import type { Workspace } from "../workspace.ts"

/** A certificate, or why there is none. */
export interface Certified {
  readonly outcome: GateOutcome
  readonly exit: VerdictExit
  /** Null where something was refused. */
  readonly issued: {
    readonly bytes: Uint8Array
    readonly sha256: string
    readonly certificate: Certificate
  } | null
}

/**
 * Certifies a bundle that has just passed a gate here, if it is also whole enough (spec/certificate.md, rule 3). The
 * auditor of the workspace signs; what did not pass is not certified, whoever asks.
 *
 * @throws {@link AmcError} `vault/locked`, `notary/refused`
 */
export async function certify(
  workspace: Workspace,
  verdict: GateVerdict,
  { days, nowMs }: { readonly days: number; readonly nowMs: number },
): Promise<Certified> {
  const { exit } = verdict
  const [judged] = verdict.bundles
  if (exit !== 0 || judged === undefined) return { outcome: verdict.outcome, exit, issued: null }
  const floors = certificateChecks(judged.bundle.summary.report)
  const refused = floors.filter(({ passed }) => !passed).map(gateFinding)
  const checks = [...verdict.outcome.checks, ...floors]
  const outcome = { ...verdict.outcome, checks, findings: refused, passed: refused.length === 0 }
  const [first, ...rest] = refused
  if (first !== undefined)
    return { outcome, exit: exitOf({ accepted: false, findings: [first, ...rest] }), issued: null }
  const certificate = certificateOf(workspace, verdict, { days, nowMs })
  const bytes = await withNotary(workspace, (notary) => notary.certify(certificate))
  return {
    outcome,
    exit,
    issued: { bytes, certificate, sha256: parseCertificateFile(bytes).sha256 },
  }
}

const dayMs = 86_400_000

function certificateOf(
  { workspace, rootSha256, dir }: Workspace,
  { outcome: { policy, bundle }, bundles: [judged] }: GateVerdict,
  { days, nowMs }: { readonly days: number; readonly nowMs: number },
): Certificate {
  if (policy === null || bundle === null || judged === undefined)
    throw new AmcError("usage/invalid", "nothing passed a gate, so nothing can be certified")
  const { report, origin } = judged.bundle.summary
  const { roots, revocations, certificates } = readTrustFiles(dir)
  const { upstreams, posture } = report
  const { trust_label } = bundle
  if (trust_label === "UNRELIABLE" || posture === "shared")
    throw new AmcError("usage/invalid", "what is unreliable can't be certified")
  return {
    workspace,
    root_sha256: rootSha256,
    issued_ms: nowMs,
    expires_ms: nowMs + days * dayMs,
    bundle_sha256: bundle.sha256,
    report_sha256: sha256Hex(encodeReport(report)),
    run: {
      workspace: bundle.workspace,
      origin,
      agent: bundle.agent,
      run_id: bundle.run_id,
      opened_ms: bundle.opened_ms,
      root_sha256: judged.rootSha256,
      checkpoint: judged.bundle.checkpoint,
    },
    standing: {
      overall: report.overall,
      layers: report.layers.map(({ name, level }) => ({ name, level })),
      trust_label,
      integrity_index: report.integrity_index,
      completeness_per_mille: completenessOf(report),
      posture,
      upstreams: upstreams.map((each) => ({ ...each })),
    },
    policy: {
      id: policy.id,
      name: policy.name,
      sha256: policy.sha256,
      workspace: policy.workspace,
      root_sha256: policy.root.replace("sha256:", ""),
      version: policy.version,
    },
    trust: {
      roots: roots.map(toBase64),
      revocations: toBase64(revocations),
      keys: certificates.map(toBase64),
    },
  }
}
