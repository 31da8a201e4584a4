import { bundlePaths } from "@amc/bundle"
import {
  equalBytes,
  type Finding,
  fromHex,
  type KeyCertificate,
  rootFingerprint,
  type Verdict,
} from "@amc/core"
import type { Report } from "@amc/score"
import { bundleConfigFindings } from "./bundle-config.ts"
import { checkBundleEvidence } from "./bundle-evidence.ts"
import { type BundleFiles, openBundleFiles } from "./bundle-files.ts"
import {
  type BundleSignatures,
  type BundleTrust,
  checkBundleSignatures,
  openBundleTrust,
} from "./bundle-trust.ts"
import { FindingList } from "./finding-list.ts"
import { checkRun, type RunSummary } from "./run.ts"
import { sliceOfRun } from "./run-slice.ts"
import type { CheckedEvent } from "./session-check.ts"
import { judgeTrustLabel, type TrustLabel } from "./trust-label.ts"

/** What a bundle was verified to say. */
export interface BundleSummary {
  readonly workspace: string
  readonly origin: string
  readonly agent: string
  readonly run_id: string
  readonly rootFingerprint: string
  /** Number of events in the slices. */
  readonly events: number
  readonly report: Report
  /** This verifier's own label, never above the sealed one. */
  readonly trust_label: TrustLabel
}

/** What the verifier trusts: nothing but this. */
export interface BundlePolicy {
  /** The digest of root 1 that was learnt out of band, 64 hexadecimal digits. */
  readonly rootSha256: string
}

/**
 * Verifies a bundle by its bytes and a pinned root alone (spec/bundle.md, "Verification"): no database,
 * no network, no clock. Total over any bytes. The answer comes later only because the archive library's
 * does.
 */
export async function verifyBundle(
  bytes: Uint8Array,
  policy: BundlePolicy,
): Promise<Verdict<BundleSummary>> {
  const findings = new FindingList()
  return findings.verdict(await checkBundle(bytes, policy, findings))
}

/** Each step rests on the one before it, so that nothing is parsed that nobody trusted stands for. */
async function checkBundle(
  bytes: Uint8Array,
  { rootSha256 }: BundlePolicy,
  findings: FindingList,
): Promise<BundleSummary | undefined> {
  const files = await openBundleFiles(bytes, findings)
  if (files === undefined) return undefined
  const trust = openBundleTrust(files, rootSha256, findings)
  if (trust === undefined) return undefined
  const signatures = checkBundleSignatures(files, trust, findings)
  if (signatures === undefined) return undefined
  const events = checkBundleEvidence(files, { ...trust, ...signatures }, findings)
  if (!findings.isEmpty) return undefined
  const run = checkBundleRun(files, trust, { ...signatures, events }, findings)
  return run && summaryOf(files, trust, events, run)
}

interface BundleEvidence extends BundleSignatures {
  readonly events: readonly CheckedEvent[]
}

function checkBundleRun(
  files: BundleFiles,
  trust: BundleTrust,
  evidence: BundleEvidence,
  findings: FindingList,
): RunSummary | undefined {
  const { events } = evidence
  const [seal, report] = [files.get(bundlePaths.seal), files.get(bundlePaths.report)]
  const summary = checkRun({ events, seal, report, keyring: trust.keyring }, findings)
  if (summary === undefined) return undefined
  findings.addAll([
    ...scopeFindings(files, evidence, summary),
    ...keyFindings(trust, evidence, summary),
    ...bundleConfigFindings(files, {
      keyring: trust.keyring,
      events,
      runOpened: summary.runOpened,
    }),
  ])
  return summary
}

function scopeFindings(
  { manifest }: BundleFiles,
  { events, checkpoint }: BundleEvidence,
  { run, runOpened }: RunSummary,
): readonly Finding[] {
  const findings: Finding[] = []
  if (
    run.run_id !== manifest.run_id ||
    run.agent !== manifest.agent ||
    run.workspace !== manifest.workspace
  )
    findings.push({
      code: "bundle/another-run",
      subject: "run seal",
      detail: "the manifest names another run",
      tampered: true,
    })
  const { origin, size, root_sha256 } = run.checkpoint
  if (
    origin !== checkpoint.origin ||
    size !== checkpoint.size ||
    !equalBytes(fromHex(root_sha256), checkpoint.root)
  )
    findings.push({
      code: "bundle/another-checkpoint",
      subject: "run seal",
      detail: "the run was sealed at another checkpoint",
      tampered: true,
    })
  if (sliceOfRun(events, runOpened).length < events.length)
    findings.push({
      code: "bundle/beyond-run",
      subject: "evidence",
      detail: "it holds events that the run does not reach to",
      tampered: false,
    })
  return findings
}

/** A key that had ended before the run was opened can't have signed what came after. */
function keyFindings(
  { certificates }: BundleTrust,
  { checkpoint, manifestSignedBy }: BundleEvidence,
  { runOpened, sealedBy }: RunSummary,
): readonly Finding[] {
  const { lseq, ts } = runOpened.event
  const live = new Set(
    certificates
      .filter((certificate) => !hasEnded(certificate, lseq, ts))
      .map(({ key }) => key.kid),
  )
  const signed = [
    { subject: "manifest.json", by: manifestSignedBy },
    { subject: bundlePaths.checkpoint, by: checkpoint.signedBy },
    { subject: "run seal", by: sealedBy },
  ]
  return signed
    .filter(({ by }) => ![...by].some((kid) => live.has(kid)))
    .map(({ subject }) => ({
      code: "bundle/key-ended",
      subject,
      detail: "its key had ended when the run was opened",
      tampered: false,
    }))
}

function hasEnded({ validToIndex, validToMs }: KeyCertificate, index: number, ts: number): boolean {
  return (validToIndex ?? index) < index || (validToMs ?? ts) < ts
}

function summaryOf(
  { manifest }: BundleFiles,
  { root }: BundleTrust,
  events: readonly CheckedEvent[],
  { report }: RunSummary,
): BundleSummary {
  const { workspace, origin, agent, run_id } = manifest
  const trust_label = judgeTrustLabel(report.trust_label)
  return {
    workspace,
    origin,
    agent,
    run_id,
    rootFingerprint: rootFingerprint(root),
    events: events.length,
    report,
    trust_label,
  }
}
