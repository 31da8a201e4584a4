import { bundlePaths } from "@amc/bundle"
import {
  bundleManifestPath,
  bundleSumsPath,
  type Checkpoint,
  type CheckpointPin,
  equalBytes,
  type Finding,
  fromHex,
  parseAddCheckpoint,
  rootFingerprint,
  text,
  toHex,
  type Verdict,
} from "@amc/core"
import type { Report } from "@amc/score"
import { bundleAttestationFindings } from "./attestation-check.ts"
import { bundleConfigFindings } from "./bundle-config.ts"
import { checkBundlePayloads, type PayloadCounts } from "./bundle-payloads.ts"
import { checkBundlePrunes } from "./bundle-prunes.ts"
import { type BundleEvents, checkBundleEvidence } from "./bundle-evidence.ts"
import { type BundleFiles, openBundleFiles } from "./bundle-files.ts"
import {
  type BundleSignatures,
  type BundleTrust,
  checkBundleSignatures,
  openBundleTrust,
} from "./bundle-trust.ts"
import { FindingList } from "./finding-list.ts"
import { keyFindings } from "./key-check.ts"
import { expiryFindings, type KnownTrust, type VersionedTrust } from "./known-trust.ts"
import { checkRun, type RunSummary } from "./run.ts"
import { type EquationsAhead, signedCommits } from "./signed-commits.ts"
import { type SeenTree, SeenTrees } from "./seen-trees.ts"
import { checkpointUse } from "./signed-checkpoint.ts"
import { judgeTrustLabel, type TrustLabel, type WitnessedTime } from "./trust-label.ts"
import {
  ageFindings,
  checkWitnesses,
  quorumFindings,
  witnessedPins,
  type WitnessSummary,
  type WitnessTerms,
} from "./witness-check.ts"

/** What a bundle was verified to say. */
export interface BundleSummary {
  readonly workspace: string
  readonly origin: string
  readonly agent: string
  readonly run_id: string
  readonly rootFingerprint: string
  /** Number of events in the slices. */
  readonly events: number
  /** How many of them have stored payloads that the owner's retention policy let go. */
  readonly pruned: number
  readonly payloads: PayloadCounts
  /** How many earlier trees of this ledger the verifier knew, and how many of them this one was shown to extend. */
  readonly checkpoints: SeenTrees["counts"]
  readonly report: Report
  /** This verifier's own label, never above the sealed one. */
  readonly trust_label: TrustLabel
  /** What the verifier's own witnesses say; null without a policy: then time is self-asserted. */
  readonly witnessing: WitnessSummary | null
}

/** An accepted bundle with what a verifier should remember of it. */
export interface VerifiedBundle {
  readonly summary: BundleSummary
  /** The run, and the events that its report was rebuilt from, made anew each time that somebody goes through them. */
  readonly evidence: BundleEvents & { readonly run: RunSummary }
  readonly trust: VersionedTrust
  readonly checkpoint: SeenTree
  /** Earlier trees of the ledger, of which this one was shown to be the continuation. */
  readonly earlier: readonly SeenTree[]
}

/** What a verifier remembers of the trees of an accepted bundle, the newest last. */
export function pinsOf(
  { checkpoint, earlier }: Pick<VerifiedBundle, "checkpoint" | "earlier">,
  seen_ms: number,
): readonly CheckpointPin[] {
  return [...earlier, checkpoint].map((tree) => ({ ...tree, seen_ms }))
}

/** What the verifier trusts: nothing but this. */
export interface BundlePolicy {
  /** The digest of root 1 that was learnt out of band, 64 hexadecimal digits. */
  readonly rootSha256: string
  /** The time that expiry is judged at. */
  readonly atMs: number
  /** What this verifier saw before under this root. */
  readonly known?: KnownTrust | undefined
  /** A consistency proof between the bundle's tree and one that was seen (C2SP tlog-witness, add-checkpoint). */
  readonly proof?: Uint8Array | undefined
  readonly witnesses?: WitnessTerms | undefined
  /** Who decides the equations of the events' signatures; absent for the platform. */
  readonly equationOf?: EquationsAhead | undefined
}

/**
 * Verifies a bundle by its bytes and a pinned root alone (spec/bundle.md, "Verification"): no database,
 * no network, no clock. Total over any bytes. The answer comes later only because the archive library's
 * does.
 */
export async function verifyBundle(
  bytes: Uint8Array,
  policy: BundlePolicy,
): Promise<Verdict<VerifiedBundle>> {
  const findings = new FindingList()
  return findings.verdict(await checkBundle(bytes, policy, findings))
}

/** Each step rests on the one before it, so that nothing is parsed that nobody trusted stands for. */
async function checkBundle(
  bytes: Uint8Array,
  policy: BundlePolicy,
  findings: FindingList,
): Promise<VerifiedBundle | undefined> {
  const files = await openBundleFiles(bytes, findings)
  if (files === undefined) return undefined
  const opened = openBundleTrust(files, policy, findings)
  if (opened === undefined) return undefined
  const signatures = checkBundleSignatures(files, opened, findings)
  if (signatures === undefined) return undefined
  const witnesses = policy.witnesses ?? { nowMs: policy.atMs }
  const note = text(files.get(bundlePaths.checkpoint))
  const witnessing = checkWitnesses(note, bundlePaths.checkpoint, witnesses, findings)
  const seen = new SeenTrees(policy.known?.pins ?? [])
  seen.note(signatures.checkpoint.size, signatures.checkpoint.root)
  checkTreeProof(policy, signatures.checkpoint, seen, findings)
  const trust = pinnedTrust(opened, policy, signatures, witnessing)
  const equation = await policy.equationOf?.(signedCommits(files, trust.keyring))
  const evidence = checkBundleEvidence(files, { ...trust, ...signatures, seen, equation }, findings)
  findings.addAll(seen.findings(bundlePaths.checkpoint, signatures.checkpoint))
  if (!findings.isEmpty) return undefined
  const run = await checkBundleRun(files, trust, { ...signatures, ...evidence }, findings)
  findings.addAll(expiryFindings(trust, policy.atMs))
  if (run === undefined) return undefined
  findings.addAll([
    ...quorumFindings(bundlePaths.checkpoint, witnesses, witnessing),
    ...ageFindings(bundlePaths.checkpoint, witnesses, witnessing, run.runOpened.event.ts),
  ])
  const { size, root } = signatures.checkpoint
  const checkpoint = { size, root_sha256: toHex(root) }
  const prunes = checkBundlePrunes(files, { ...trust, ...evidence, atMs: policy.atMs }, findings)
  const payloads = checkBundlePayloads(files, { ...evidence, prunes })
  findings.addAll(payloads.findings)
  const counted = { pruned: prunes.count, payloads: payloads.counts, checkpoints: seen.counts }
  const summary = summaryOf(files, trust, { run, witnessing, counted })
  const earlier = seen.told.filter((tree) => tree.size !== size)
  return { summary, evidence: { ...evidence, run }, trust: trust.files, checkpoint, earlier }
}

/** A proof that shows nothing is told; what was to be shown may be shown otherwise. */
function checkTreeProof(
  { proof }: BundlePolicy,
  checkpoint: Checkpoint,
  seen: SeenTrees,
  findings: FindingList,
): void {
  if (proof === undefined) return
  const terms = { code: "proof/malformed", subject: "tree proof", tampered: false } as const
  const holds = findings.attempt(terms, () => seen.noteProof(checkpoint, parseAddCheckpoint(proof)))
  if (holds !== false) return
  const detail = "it does not lead from the bundle's tree to one that was seen, or back"
  findings.add({ ...terms, code: "proof/refused", detail })
}

/**
 * A checkpoint that this verifier saw before, or that a quorum of its witnesses cosigned, vouches for all
 * that the bundle holds.
 */
function pinnedTrust(
  trust: BundleTrust,
  { known }: BundlePolicy,
  { checkpoint }: BundleSignatures,
  witnessing: WitnessSummary | null,
): BundleTrust {
  const { size, root } = checkpoint
  const isSame = (pin: CheckpointPin): boolean =>
    pin.size === size && pin.root_sha256 === toHex(root)
  const pins = [...(known?.pins ?? []).filter(isSame), ...witnessedPins(checkpoint, witnessing)]
  return { ...trust, keyring: trust.keyring.withPins(pins) }
}

interface BundleEvidence extends BundleSignatures, BundleEvents {}

async function checkBundleRun(
  files: BundleFiles,
  trust: BundleTrust,
  evidence: BundleEvidence,
  findings: FindingList,
): Promise<RunSummary | undefined> {
  const { events, notes } = evidence
  const [seal, report] = [files.get(bundlePaths.seal), files.get(bundlePaths.report)]
  const { keyring } = trust
  const summary = await checkRun({ events, notes, seal, report, keyring }, findings)
  if (summary === undefined) return undefined
  findings.addAll([
    ...scopeFindings(files, evidence, summary),
    ...bundleKeyFindings(trust, evidence, summary),
    ...bundleConfigFindings(files, { keyring, notes, runOpened: summary.runOpened }),
    ...bundleAttestationFindings(files, notes, keyring),
  ])
  return summary
}

function scopeFindings(
  { manifest }: BundleFiles,
  { notes, checkpoint }: BundleEvidence,
  { run, events }: RunSummary,
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
  if (events < notes.count)
    findings.push({
      code: "bundle/beyond-run",
      subject: "evidence",
      detail: "it holds events that the run does not reach to",
      tampered: false,
    })
  return findings
}

/** Manifest and list say no time of their own; they were signed after the run was opened. */
function bundleKeyFindings(
  { keyring }: BundleTrust,
  { checkpoint, manifestSignedBy, sumsSignedBy }: BundleEvidence,
  { runOpened }: RunSummary,
): readonly Finding[] {
  const { lseq: index, ts } = runOpened.event
  const later = { place: { index, ts }, orLater: true }
  const manifest = {
    ...later,
    role: "auditor",
    signedBy: manifestSignedBy,
    subject: bundleManifestPath,
  } as const
  const sums = {
    ...later,
    role: "release",
    signedBy: sumsSignedBy,
    subject: bundleSumsPath,
  } as const
  const note = { ...checkpointUse(checkpoint), subject: bundlePaths.checkpoint }
  return [manifest, sums, note].flatMap((use) => keyFindings(keyring, use))
}

interface Judged {
  readonly counted: Pick<BundleSummary, "pruned" | "payloads" | "checkpoints">
  readonly run: RunSummary
  readonly witnessing: WitnessSummary | null
}

function summaryOf(
  { manifest }: BundleFiles,
  { roots }: BundleTrust,
  { counted, run, witnessing }: Judged,
): BundleSummary {
  const { workspace, origin, agent, run_id } = manifest
  const { report } = run
  const time = witnessedTime(run, witnessing?.since_ms ?? null)
  const trust_label = judgeTrustLabel(report.trust_label, time)
  return {
    workspace,
    origin,
    agent,
    run_id,
    rootFingerprint: rootFingerprint(roots.pinned),
    events: run.events,
    ...counted,
    report,
    trust_label,
    witnessing,
  }
}

/** The time that the run's own evidence claims, where a quorum says something of it. */
function witnessedTime(
  { runOpened, firstMs: fromMs }: RunSummary,
  sinceMs: number | null,
): WitnessedTime | null {
  return sinceMs === null ? null : { sinceMs, fromMs, toMs: runOpened.event.ts }
}
