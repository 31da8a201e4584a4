import {
  equalBytes,
  type Finding,
  isFault,
  MerkleAccumulator,
  openRunSeal,
  sha256Hex,
  toHex,
  type Verdict,
} from "@amc/core"
import { encodeReport } from "@amc/score"
import type { SqliteLedger } from "@amc/store-sqlite"
import { fastEquation } from "@amc/vault"
import {
  attestationFindings,
  ChainCheck,
  type CheckedEvent,
  checkpointUse,
  ConfigLog,
  FindingList,
  keyFindings,
  type RunSummary,
  openSignedCheckpoint,
  type SignedCheckpoint,
  ToldThefts,
  verifyRun,
} from "@amc/verify"
import { envelopeOf } from "./config-history.ts"
import { attemptRead, findingOf } from "./ledger-finding.ts"
import { eventOf, withLedger } from "./ledger-reader.ts"
import { findRunOpened, readRunSlice } from "./run-slice.ts"
import { hasRun, loadRun, type StoredRun } from "./run-store.ts"
import { readBundleHere, type VerifyBundleTerms } from "./verify-bundle.ts"
import type { Workspace } from "./workspace.ts"

/** What a stored run was verified to be. */
export interface VerifiedRun {
  readonly run_id: string
  readonly agent: string
  readonly events: number
  readonly report_sha256: string
}

/** A verified run with the evidence that its report was rebuilt from. */
export interface ReadRun {
  readonly run: RunSummary
  readonly events: readonly CheckedEvent[]
}

/**
 * Rebuilds a stored run's report from the ledger and compares it with the sealed one, byte for byte
 * (S3). The evidence's chains and signatures are verified first.
 *
 * @throws {@link AmcError} `run/unknown` if nothing lies under the id, `store/unavailable`
 */
export async function verifyStoredRun(
  workspace: Workspace,
  runId: string,
): Promise<Verdict<VerifiedRun>> {
  const verdict = await readVerifiedRun(workspace, runId)
  return verdict.accepted ? { accepted: true, value: verifiedRunOf(verdict.value) } : verdict
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

function verifiedRunOf({ run: { run, report }, events }: ReadRun): VerifiedRun {
  const report_sha256 = sha256Hex(encodeReport(report))
  return { run_id: run.run_id, agent: run.agent, events: events.length, report_sha256 }
}

/** {@link verifyStoredRun} for those who go on with the evidence. */
export async function readVerifiedRun(
  workspace: Workspace,
  runId: string,
): Promise<Verdict<ReadRun>> {
  const findings = new FindingList()
  const stored = await readStored(workspace, runId, findings)
  if (stored === undefined) return findings.verdict<ReadRun>(undefined)
  findings.addAll(anotherRun(workspace, stored))
  const judged = await withLedger(workspace, async (ledger) => {
    const checkpoint = await checkCheckpoint(workspace, stored, ledger, findings)
    const sealedAt = await checkRecorded(workspace, stored, ledger, findings)
    const events = await checkedEvents(workspace, runId, ledger, findings)
    return { checkpoint, sealedAt, events }
  })
  return judge(workspace, stored, judged, findings)
}

interface Judged {
  readonly checkpoint: SignedCheckpoint | undefined
  /** The place of the event that logged this very seal. */
  readonly sealedAt: number | undefined
  readonly events: readonly CheckedEvent[] | undefined
}

function judge(
  { keyring }: Workspace,
  { seal, report }: StoredRun,
  { checkpoint, sealedAt, events }: Judged,
  findings: FindingList,
): Verdict<ReadRun> {
  if (events === undefined) return findings.verdict<ReadRun>(undefined)
  const verdict = verifyRun({ events, seal, report, sealedAt, keyring })
  if (!verdict.accepted) findings.addAll(verdict.findings)
  else if (checkpoint !== undefined)
    findings.addAll(sealedAtAnother(verdict.value.run.checkpoint, checkpoint))
  return findings.verdict(verdict.accepted ? { run: verdict.value, events } : undefined)
}

/** Half a run is one that can't be looked at; what lies under no id at all is not one. */
async function readStored(
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
function anotherRun({ keyring }: Workspace, { runId, seal }: StoredRun): readonly Finding[] {
  const found = new FindingList().attempt(
    { code: "run/seal-invalid", subject: "", tampered: true },
    () => openRunSeal(seal, keyring.keys("auditor")).run.run_id,
  )
  if (found === undefined || found === runId) return []
  const detail = `its files are those of ${found}`
  return [{ code: "run/another-run", subject: "run seal", detail, tampered: true }]
}

/** What the ledger says was sealed under this id must be what lies here. Gives where it says so. */
async function checkRecorded(
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

function checkedEvents(
  workspace: Workspace,
  runId: string,
  ledger: SqliteLedger,
  findings: FindingList,
): Promise<CheckedEvent[] | undefined> {
  const { keyring, lane } = workspace
  return attemptRead("evidence", findings, async () => {
    const slice = await readRunSlice(ledger, await findRunOpened(ledger, lane, runId))
    const chains = [
      { agent: slice.runOpened.agent, leaves: slice.agent },
      { agent: "_system", leaves: slice.system },
    ]
    const thefts = new ToldThefts(keyring)
    for (const { leaf } of slice.system) thefts.note(leaf)
    const equation = await fastEquation()
    const common = { keyring, lane, toldThefts: thefts.kids, equation }
    const checked = chains.flatMap(({ agent, leaves }) => {
      const check = new ChainCheck({ ...common, agent }, findings)
      return leaves.flatMap((leaf) => check.add(leaf) ?? [])
    })
    await checkWords(workspace, checked, ledger, findings)
    return checked
  })
}

/** A change of a config repairs, and an attestation raises: in the evidence of a run they must be the auditor's. */
async function checkWords(
  { workspace, keyring }: Workspace,
  events: readonly CheckedEvent[],
  ledger: SqliteLedger,
  findings: FindingList,
): Promise<void> {
  const log = new ConfigLog({ workspace, keyring })
  for (const { event } of events) {
    if (event.type !== "config_change" && event.type !== "attestation") continue
    const [envelope, subject] = [await envelopeOf(event, ledger), `event ${event.lseq}`]
    findings.addAll(log.note(event, envelope, subject))
    findings.addAll(attestationFindings(event, envelope, { keyring, subject }))
  }
  findings.addAll(log.doubts())
}

/** The checkpoint that the run was made at must be one of this very ledger, and kept in it. */
async function checkCheckpoint(
  workspace: Workspace,
  { checkpoint: note }: StoredRun,
  ledger: SqliteLedger,
  findings: FindingList,
): Promise<SignedCheckpoint | undefined> {
  const terms = { code: "run/checkpoint", subject: "checkpoint", tampered: true } as const
  const checkpoint = findings.attempt(terms, () =>
    openSignedCheckpoint(note, workspace.origin, workspace.keyring.keys("ledger")),
  )
  if (checkpoint === undefined) return undefined
  const use = { ...checkpointUse(checkpoint), subject: "checkpoint" }
  findings.addAll(keyFindings(workspace.keyring, use))
  if (!(await isOfLedger(checkpoint, workspace, ledger)))
    findings.add({
      ...terms,
      detail: "the ledger is not the one that the run's checkpoint commits to",
    })
  const kept = await ledger.events.checkpoints()
  if (!kept.some((each) => each.note === note))
    findings.add({
      code: "checkpoint/missing",
      subject: "checkpoint",
      detail: "the ledger no longer keeps the checkpoint that the run was made at",
      tampered: true,
    })
  return checkpoint
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
  { size, root }: SignedCheckpoint,
): Finding[] {
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
