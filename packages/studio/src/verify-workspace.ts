import { type Event, type Finding, isFault, type Keyring, type Verdict } from "@amc/core"
import type { SqliteLedger } from "@amc/store-sqlite"
import { fastEquation, type VaultState } from "@amc/vault"
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
import { readNotes } from "./ledger-finding.ts"
import { hasKnownLedger, hasLedger, withLedger } from "./ledger-reader.ts"
import { Look } from "./look.ts"
import { hasRun, listRuns } from "./run-store.ts"
import { missingLedger, readSeen, seenFindings } from "./seen-ledger.ts"
import { newerVault, vaultFindings } from "./seen-vault.ts"
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
  const look = new Look(findings)
  const inspected = inspectWorkspace(folder, state, terms.clock(), look)
  if (inspected === undefined) return look.verdict<WorkspaceSummary>(undefined)
  const workspace = await witnessedWorkspace(inspected, terms)
  const ledger = await verifyEvidence(workspace, terms, look)
  const runs = listRuns(workspace.dir)
  for (const runId of runs) {
    terms.progress(`verifying ${runId}`)
    await look.at(runId, () => verifyOneRun(workspace, runId, findings))
  }
  return look.verdict(ledger && summaryOf(ledger, runs.length))
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
  const seen = look.own("what this machine has seen", () => readSeen(workspace)) ?? null
  const isKnown = await hasKnownLedger(workspace)
  if (!isKnown) findings.addAll(missingLedger(seen, workspace))
  const named = new NamedThings()
  const ledger = await look.at("ledger", () =>
    withLedger(workspace, (opened) =>
      verifyWhole(workspace, opened, { ...terms, named }, findings),
    ),
  )
  if (isKnown)
    await look.at("ledger", () =>
      withLedger(workspace, async (opened) => findings.addAll(await seenFindings(seen, opened))),
    )
  findings.addAll([...missingRuns(workspace, named), ...vaultFindings(workspace, named.vault)])
  return ledger
}

/** What the events name that lies outside of the ledger. */
class NamedThings {
  readonly runs = new Set<string>()
  vault: VaultState | null = null

  note(event: Event): void {
    if (event.type === "run_sealed") this.runs.add(event.facts.measured.run_id)
    this.vault = newerVault(this.vault, event)
  }
}

async function verifyWhole(
  workspace: Workspace,
  opened: SqliteLedger,
  { clock, witnesses, named }: VerifyTerms & { readonly named: NamedThings },
  findings: FindingList,
): Promise<LedgerSummary | undefined> {
  const source = sourceOf(workspace, opened, findings)
  const nowMs = clock()
  const { keyring, origin } = workspace
  const onEvent = (event: Event): void => named.note(event)
  const equation = await fastEquation()
  const times = { atMs: nowMs, witnesses: { ...witnesses, nowMs } }
  const ledgerTerms = { keyring, origin, ...times, onEvent, equation }
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

function sourceOf(
  workspace: Workspace,
  { events, blobs }: SqliteLedger,
  findings: FindingList,
): LedgerSource {
  return {
    lanes: () => events.lanes(),
    leaves: (lane) => events.read(lane, 0),
    blob: (sha256) => blobs.get(sha256),
    checkpoints: () => readNotes(events, findings),
    tiles: tileStoreOf(workspace),
    configs: async () => allConfigs(workspace),
  }
}

/** Runs that the ledger says were sealed, and that are not here any more. */
function missingRuns({ dir }: Workspace, { runs }: NamedThings): readonly Finding[] {
  const detail = "the ledger says that it was sealed, and it is not here"
  return [...runs]
    .filter((runId) => !hasRun(dir, runId))
    .map((subject) => ({ code: "run/missing", subject, detail, tampered: true }))
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
