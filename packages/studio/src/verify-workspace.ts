import { type AmcError, type Finding, isFault, type Keyring, type Verdict } from "@amc/core"
import type { SqliteLedger } from "@amc/store-sqlite"
import {
  FindingList,
  type LedgerSource,
  type LedgerSummary,
  type LedgerWitnessing,
  verifyLedger,
  type WitnessTerms,
  witnessLedger,
} from "@amc/verify"
import { allConfigs } from "./config-list.ts"
import { inspectWorkspace } from "./inspect-workspace.ts"
import { attemptRead, findingOf } from "./ledger-finding.ts"
import { eventOf, hasLedger, withLedger } from "./ledger-reader.ts"
import { hasRun, listRuns } from "./run-store.ts"
import { missingLedger, readSeen, seenFindings } from "./seen-ledger.ts"
import { recordedVault, vaultFindings } from "./seen-vault.ts"
import type { StateHome } from "./state-home.ts"
import { tileStoreOf } from "./tile-folder.ts"
import { verifyStoredRun } from "./verify-run.ts"
import { reopenTrust, type Workspace } from "./workspace.ts"

export interface VerifyTerms {
  readonly clock: () => number
  /** The verifier's own policy and how old a checkpoint may be. */
  readonly witnesses?: Omit<WitnessTerms, "nowMs">
  readonly progress: (text: string) => void
}

/** What a workspace was verified to hold. */
export interface WorkspaceSummary {
  readonly events: number
  readonly sessions: number
  readonly blobs: number
  /** How many events' payloads are gone as the retention policy allows. */
  readonly pruned: number
  readonly checkpoints: number
  readonly configs: number
  readonly runs: number
  readonly witnessing: LedgerWitnessing | null
}

/**
 * Verifies all of the workspace of a folder (L5): trust, the ledger with its chains, signatures, seals,
 * payloads, tree and checkpoints, the config files, the vault, and every stored run against the evidence;
 * and that nothing is older than this machine and the ledger have seen it.
 *
 * A part that can't be looked at does not hide what is wrong with another.
 *
 * @throws {@link AmcError} `store/unavailable`, `workspace/missing` where it could not look and saw nothing wrong
 */
export async function verifyWorkspace(
  folder: string,
  state: StateHome,
  terms: VerifyTerms,
): Promise<Verdict<WorkspaceSummary>> {
  const findings = new FindingList()
  const inspected = inspectWorkspace(folder, state, terms.clock(), findings)
  if (inspected === undefined) return findings.verdict<WorkspaceSummary>(undefined)
  const look = new Look(findings)
  const workspace = await witnessedWorkspace(inspected, terms)
  const ledger = await verifyEvidence(workspace, terms, look)
  const runs = listRuns(workspace.dir)
  for (const runId of runs) {
    terms.progress(`verifying ${runId}`)
    await look.at(runId, () => verifyOneRun(workspace, runId, findings))
  }
  return look.verdict(ledger && summaryOf(ledger, runs.length))
}

/** Goes on where a part can't be looked at, and remembers that it could not. */
class Look {
  readonly findings: FindingList
  #fault: AmcError | null = null

  constructor(findings: FindingList) {
    this.findings = findings
  }

  async at<T>(subject: string, look: () => Promise<T>): Promise<T | undefined> {
    try {
      return await attemptRead(subject, this.findings, look)
    } catch (error) {
      if (!isFault(error)) throw error
      this.#fault ??= error
      return undefined
    }
  }

  /** Not to have been able to look is worse than what is merely missing, and less than what contradicts. */
  verdict<T>(value: T | undefined): Verdict<T> {
    const fault = this.#fault
    if (fault === null) return this.findings.verdict(value)
    if (!this.findings.all().some(({ tampered }) => tampered)) throw fault
    this.findings.add(findingOf(fault, "ledger"))
    return this.findings.verdict<T>(undefined)
  }
}

/** The workspace, for one who takes its witnesses' word for what was there when: also for its runs. */
async function witnessedWorkspace(
  workspace: Workspace,
  { clock, witnesses }: VerifyTerms,
): Promise<Workspace> {
  if (witnesses?.policy === undefined || !hasLedger(workspace)) return workspace
  const unseen = new FindingList()
  // What is wrong here is told when the ledger is verified.
  const notes = await unseen.attemptLater(
    { code: "ledger/checkpoint", subject: "checkpoints", tampered: false },
    () => withLedger(workspace, ({ events }) => events.checkpoints()),
  )
  const read = (notes ?? []).map(({ note }) => note)
  const terms = { ...witnesses, nowMs: clock() }
  return { ...workspace, keyring: witnessLedger(read, workspace, terms, unseen).keyring }
}

async function verifyEvidence(
  workspace: Workspace,
  terms: VerifyTerms,
  look: Look,
): Promise<LedgerSummary | undefined> {
  const { findings } = look
  terms.progress("verifying the ledger")
  const seen = readSeen(workspace)
  if (!hasLedger(workspace)) findings.addAll(missingLedger(seen))
  const ledger = await look.at("ledger", () =>
    withLedger(workspace, (opened) => verifyWhole(workspace, opened, terms, findings)),
  )
  await look.at("ledger", () =>
    withLedger(workspace, async (opened) => {
      findings.addAll(await seenFindings(seen, opened))
      await missingRuns(workspace, opened, findings)
    }),
  )
  const recorded = await look.at("vault_generation", () =>
    withLedger(workspace, (opened) => recordedVault(workspace, opened)),
  )
  findings.addAll(vaultFindings(workspace, recorded ?? null))
  return ledger
}

async function verifyWhole(
  workspace: Workspace,
  opened: SqliteLedger,
  { clock, witnesses }: VerifyTerms,
  findings: FindingList,
): Promise<LedgerSummary | undefined> {
  const source = sourceOf(workspace, opened)
  const nowMs = clock()
  const { keyring, origin } = workspace
  const ledgerTerms = { keyring, origin, atMs: nowMs, witnesses: { ...witnesses, nowMs } }
  let verdict = await verifyLedger(source, ledgerTerms)
  // A config that is being written while the ledger is walked looks wrong once, a forged one twice.
  if (!verdict.accepted && verdict.findings.every(isOfConfig))
    verdict = await verifyLedger(source, ledgerTerms)
  // So do keys that are being replaced.
  const newer = newerKeyring(workspace)
  if (newer !== undefined && !verdict.accepted && verdict.findings.some(isOfKeys))
    verdict = await verifyLedger(source, { ...ledgerTerms, keyring: newer })
  if (verdict.accepted) return verdict.value
  findings.addAll(verdict.findings)
  return undefined
}

function isOfKeys({ code }: Finding): boolean {
  return code === "ledger/unknown-key" || code.startsWith("trust/key-")
}

/** The keyring of the files as they are by now, if the one that was verified with is older. */
function newerKeyring(workspace: Workspace): Keyring | undefined {
  try {
    const { keyring } = reopenTrust(workspace)
    return versionOf(keyring) === versionOf(workspace.keyring) ? undefined : keyring
  } catch (error) {
    if (isFault(error)) return undefined
    throw error
  }
}

/** A certificate counts before the list says what it replaced. */
function versionOf({ roots, revocations, certificates }: Keyring): string {
  return [roots.current.version, revocations.version, certificates.size].join(" ")
}

function isOfConfig({ code }: Finding): boolean {
  return code.startsWith("config/")
}

function sourceOf(workspace: Workspace, { events, blobs }: SqliteLedger): LedgerSource {
  return {
    lanes: () => events.lanes(),
    leaves: (lane) => events.read(lane, 0),
    blob: (sha256) => blobs.get(sha256),
    checkpoints: async () => (await events.checkpoints()).map(({ note }) => note),
    tiles: tileStoreOf(workspace),
    configs: async () => allConfigs(workspace),
  }
}

/** Runs that the ledger says were sealed, and that are not here any more. */
async function missingRuns(
  { dir, lane }: Workspace,
  { events }: SqliteLedger,
  findings: FindingList,
): Promise<void> {
  for await (const { leaf } of events.readType(lane, "run_sealed")) {
    const event = await attemptRead("run_sealed", findings, async () => eventOf(leaf))
    if (event?.type !== "run_sealed" || hasRun(dir, event.facts.measured.run_id)) continue
    const { run_id: subject } = event.facts.measured
    const detail = "the ledger says that it was sealed, and it is not here"
    findings.add({ code: "run/missing", subject, detail, tampered: true })
  }
}

async function verifyOneRun(
  workspace: Workspace,
  runId: string,
  findings: FindingList,
): Promise<void> {
  const run = await verifyStoredRun(workspace, runId)
  if (run.accepted) return
  findings.addAll(
    run.findings.map((finding) => ({ ...finding, subject: `${runId}: ${finding.subject}` })),
  )
}

function summaryOf(
  { events, lanes, blobs, pruned, checkpoints, configs, witnessing }: LedgerSummary,
  runs: number,
): WorkspaceSummary {
  const sessions = lanes.reduce((sum, { sessions: { sealed } }) => sum + sealed, 0)
  return { events, sessions, blobs, pruned, checkpoints, configs, runs, witnessing }
}
