import {
  canonicalize,
  equalBytes,
  type Finding,
  type Keyring,
  parseRunSeal,
  type RunSeal,
  sha256Hex,
  STATEMENT_PAYLOAD_TYPE,
  type Verdict,
} from "@amc/core"
import { engine, parseReport, type Report } from "@amc/score"
import { checkEnvelope } from "./envelope-check.ts"
import type { Evidence, EvidenceNotes } from "./evidence-notes.ts"
import { FindingList } from "./finding-list.ts"
import { keyFindings } from "./key-check.ts"
import { RebuiltReport } from "./rebuilt-report.ts"
import { type RunOpened, RunSlice, runsOpened } from "./run-slice.ts"
import type { CheckedEvent } from "./session-check.ts"

/** A sealed run and the evidence to judge it by. */
export interface RunEvidence {
  /** From genesis on; later ones than the run's are left out here. */
  readonly events: Evidence
  /** What was noted of these events when they were verified. */
  readonly notes: Pick<EvidenceNotes, "openings">
  readonly seal: Uint8Array
  readonly report: Uint8Array
  /** The place of the event that logged the seal, if the caller knows it. */
  readonly sealedAt?: number | undefined
  /** Of a root that the caller has pinned. */
  readonly keyring: Keyring
}

/** What a run was verified to be. */
export interface RunSummary {
  readonly run: RunSeal["run"]
  readonly report: Report
  readonly runOpened: RunOpened
  /** How many events it is a function of. */
  readonly events: number
  /** The time of the first of them in its window. */
  readonly firstMs: number
  /** Ids of the auditor keys that sealed it. */
  readonly sealedBy: ReadonlySet<string>
}

const dayMs = 86_400_000
/** A run's window ends with its opening; this much passes at most between asking the clock and recording. */
const windowSlackMs = 60_000

/**
 * Verifies a run: sealed by a certified auditor key, opened by an event that says the same, complete up
 * to the heads which that event names, and with exactly the report that the evidence gives. Goes through its events
 * twice and holds what the score does.
 *
 * The seal's checkpoint is not looked at: compare it with one that covers the events.
 */
export async function verifyRun(evidence: RunEvidence): Promise<Verdict<RunSummary>> {
  const findings = new FindingList()
  return findings.verdict(await checkRun(evidence, findings))
}

/** {@link verifyRun} as a part of a larger verification. */
export async function checkRun(
  evidence: RunEvidence,
  findings: FindingList,
): Promise<RunSummary | undefined> {
  const { events, notes, keyring } = evidence
  const opened = openSeal(evidence, findings)
  if (opened === undefined) return undefined
  const { seal, sealedBy } = opened
  const runOpened = findOpening(notes.openings, seal, findings)
  if (runOpened === undefined) return undefined
  const slice = new RunSlice(runOpened)
  const rebuilt = new RebuiltReport(runOpened)
  const seen = { events: 0, firstMs: runOpened.event.ts }
  for await (const each of events) {
    if (!slice.has(each)) continue
    slice.note(each)
    rebuilt.look(each)
    seen.events++
    if (each.event.ts >= seal.run.window.from_ms)
      seen.firstMs = Math.min(seen.firstMs, each.event.ts)
  }
  const incomplete = [...slice.headFindings(), ...slice.namingFindings(notes.openings)]
  findings.addAll([
    ...incomplete,
    ...sealFindings(seal, runOpened, keyring.workspace),
    ...sealKeyFindings(evidence, sealedBy, runOpened),
  ])
  if (incomplete.length > 0) return undefined
  const report = await checkReport({ ...evidence, seal, slice, rebuilt }, findings)
  return report && { run: seal.run, report, runOpened, ...seen, sealedBy }
}

/** A seal counts by the place where it was logged, or else by the opening of its run. */
function sealKeyFindings(
  { keyring, sealedAt }: RunEvidence,
  signedBy: ReadonlySet<string>,
  { event }: RunOpened,
): readonly Finding[] {
  const place = { index: sealedAt ?? event.lseq, ts: event.ts }
  return keyFindings(keyring, { role: "auditor", signedBy, place, subject: "run seal" })
}

function openSeal(
  { seal, keyring }: RunEvidence,
  findings: FindingList,
): { seal: RunSeal; sealedBy: ReadonlySet<string> } | undefined {
  const terms = { code: "run/seal-invalid", subject: "run seal" } as const
  const signed = checkEnvelope(
    seal,
    { ...terms, payloadType: STATEMENT_PAYLOAD_TYPE, keys: keyring.keys("auditor") },
    findings,
  )
  if (signed === undefined) return undefined
  const read = findings.attempt({ ...terms, tampered: false }, () => parseRunSeal(signed.payload))
  return read && { seal: read, sealedBy: signed.signedBy }
}

function findOpening(
  openings: readonly CheckedEvent[],
  { run }: RunSeal,
  findings: FindingList,
): RunOpened | undefined {
  const [opening, ...others] = runsOpened(openings, run.run_id, run.agent)
  if (opening !== undefined && others.length === 0) return opening
  const detail =
    opening === undefined ? "no event opens this run of this agent" : "several events open this run"
  findings.add({ code: "run/not-opened", subject: `run ${run.run_id}`, detail, tampered: false })
  return undefined
}

function sealFindings(
  { run }: RunSeal,
  { event }: RunOpened,
  workspace: string,
): readonly Finding[] {
  const { bank_sha256, window_from_ms, window_to_ms, heads } = event.facts.measured
  const opened = {
    workspace,
    bank_sha256,
    window: { from_ms: window_from_ms, to_ms: window_to_ms },
    heads,
  }
  const sealed = {
    workspace: run.workspace,
    bank_sha256: run.bank_sha256,
    window: run.window,
    heads: run.heads,
  }
  const findings: Finding[] = []
  if (!equalBytes(canonicalize(opened), canonicalize(sealed)))
    findings.push({
      code: "run/seal-contradicted",
      subject: "run seal",
      detail: "it says otherwise than the event that opened the run",
      tampered: true,
    })
  return [...findings, ...windowFindings(event)]
}

/** A window is whole days and ends with the opening, so that its owner can't cut out what he dislikes. */
function windowFindings({ ts, facts }: RunOpened["event"]): readonly Finding[] {
  const { window_from_ms: from, window_to_ms: to } = facts.measured
  const wrong: string[] = []
  if (to > ts || ts - to > windowSlackMs) wrong.push("it does not end with the run's opening")
  if (to - from < dayMs || (to - from) % dayMs !== 0)
    wrong.push("it is not a number of whole days, at least one")
  const terms = { code: "run/window", subject: "run window", tampered: false } as const
  return wrong.map((detail) => ({ ...terms, detail }))
}

interface SealedReport extends Pick<RunEvidence, "events" | "report"> {
  readonly seal: RunSeal
  readonly slice: RunSlice
  readonly rebuilt: RebuiltReport
}

async function checkReport(
  { events, report, seal, slice, rebuilt }: SealedReport,
  findings: FindingList,
): Promise<Report | undefined> {
  const subject = "report"
  if (sha256Hex(report) !== seal.reportSha256) {
    findings.add({
      code: "run/report-contradicted",
      subject,
      detail: "it is not the report that was sealed",
      tampered: true,
    })
    return undefined
  }
  if (seal.run.engine !== engine) {
    const detail = "the run was made by an engine that this program does not have"
    findings.add({ code: "score/unknown-engine", subject, detail, tampered: false })
    return undefined
  }
  for await (const each of events) if (slice.has(each)) rebuilt.take(each)
  const bytes = rebuilt.bytes(findings)
  if (bytes === undefined) return undefined
  if (!equalBytes(bytes, report)) {
    findings.add({
      code: "run/not-reproducible",
      subject,
      detail: "the evidence gives another report than the sealed one",
      tampered: true,
    })
    return undefined
  }
  return findings.attempt({ code: "run/report-malformed", subject, tampered: false }, () =>
    parseReport(report),
  )
}
