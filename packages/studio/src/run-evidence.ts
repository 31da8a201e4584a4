import { eventHash, parseEvent, systemAgent } from "@amc/core"
import type { SqliteLedger } from "@amc/store-sqlite"
import { fastEquation } from "@amc/vault"
import {
  attestationFindings,
  ChainCheck,
  type CheckedEvent,
  ConfigLog,
  type Evidence,
  EvidenceNotes,
  FindingList,
  hasThefts,
  ToldThefts,
} from "@amc/verify"
import { envelopeOf } from "./config-history.ts"
import { attemptRead } from "./ledger-finding.ts"
import { inLaneOrder, type RunChains, runChains } from "./run-chains.ts"
import { findRunOpened, findRunPlace } from "./run-place.ts"
import type { Workspace } from "./workspace.ts"

/** The evidence of a run in the ledger: what was noted of it, and its events, read anew each time. */
export interface StoredEvidence {
  readonly notes: EvidenceNotes
  readonly events: Evidence
}

/** Verifies the chains that a run is a function of, event by event, and what people said in them. */
export function checkRunEvidence(
  workspace: Workspace,
  runId: string,
  ledger: SqliteLedger,
  findings: FindingList,
): Promise<StoredEvidence | undefined> {
  const { keyring, lane } = workspace
  return attemptRead("evidence", findings, async () => {
    const place = await findRunPlace(ledger, await findRunOpened(ledger, lane, runId))
    const chains = runChains(ledger, place)
    const thefts = new ToldThefts(keyring)
    if (hasThefts(keyring)) for await (const { leaf } of chains.system) thefts.note(leaf)
    const equation = await fastEquation()
    const terms = { keyring, lane, toldThefts: thefts.kids, equation }
    const notes = new EvidenceNotes()
    for (const [agent, rows] of [
      [place.runOpened.agent, chains.agent],
      [systemAgent, chains.system],
    ] as const) {
      const check = new ChainCheck({ ...terms, agent }, findings)
      for await (const row of rows) {
        const checked = check.add(row)
        if (checked !== undefined) notes.note(checked)
      }
    }
    await checkWords(workspace, notes, ledger, findings)
    return { notes, events: { [Symbol.asyncIterator]: () => eventsOf(chains) } }
  })
}

/** Those that can be read; what is wrong with the rest was found with their chains. */
async function* eventsOf(chains: RunChains): AsyncGenerator<CheckedEvent> {
  const terms = { code: "ledger/leaf-malformed", subject: "", tampered: true } as const
  for await (const { leaf } of inLaneOrder(chains)) {
    const event = new FindingList().attempt(terms, () => parseEvent(leaf))
    if (event !== undefined) yield { hash: eventHash(leaf), event }
  }
}

/** A change of a config repairs, and an attestation raises: in the evidence of a run they must be the auditor's. */
async function checkWords(
  { workspace, keyring }: Workspace,
  { words }: EvidenceNotes,
  ledger: SqliteLedger,
  findings: FindingList,
): Promise<void> {
  const log = new ConfigLog({ workspace, keyring })
  for (const { event } of words) {
    if (event.type !== "config_change" && event.type !== "attestation") continue
    const [envelope, subject] = [await envelopeOf(event, ledger), `event ${event.lseq}`]
    findings.addAll(log.note(event, envelope, subject))
    findings.addAll(attestationFindings(event, envelope, { keyring, subject }))
  }
  findings.addAll(log.doubts())
}
