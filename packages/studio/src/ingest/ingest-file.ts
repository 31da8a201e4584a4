import { AmcError, type IngestFormat } from "@amc/core"
import type { SecretScanner } from "@amc/gateway"
import { isIngestible } from "@amc/score"
import { checkAgentId } from "../agent-config.ts"
import type { Capture } from "../capture.ts"
import { withLedger } from "../ledger-reader.ts"
import { bringFile, type BroughtFile, leaveFile } from "./brought-file.ts"
import { type FileContents, FileReader } from "./file-reader.ts"
import { knownSecrets } from "./known-secrets.ts"
import { maskedText } from "./lease-mask.ts"
import type { ResultFacts } from "./result-count.ts"
import { findIngested, readTraceHistory } from "./trace-history.ts"
import { recordTrace } from "./trace-record.ts"
import { tallyTrace, type TraceTally } from "./trace-tally.ts"

export interface IngestTerms {
  readonly agent: string
  readonly path: string
  readonly format: IngestFormat
  /** The question that the owner says the results are about. */
  readonly about: string | null
}

/** What came of a file. */
export interface Ingested {
  /** Whether the same file was there before; then at most what was left of its trace is recorded. */
  readonly isKnown: boolean
  readonly lseq: number
  readonly event_hash: string
  readonly source_sha256: string
  readonly facts: ResultFacts
  /** Whether the last line broke off and was left out. */
  readonly isTorn: boolean
  readonly trace: TraceTally | null
}

/**
 * Records a file of others as SELF_REPORTED: one event with what it says and the file, redacted; the calls of a
 * trace are compared with receipts and ledger, and recorded with what they were found to be. What can't be read
 * to its end leaves nothing behind, and the same file again records only what is not there yet.
 *
 * @throws {@link AmcError} `input/malformed`, `input/too-large`, `input/unreadable`, `usage/invalid`; as {@link Recorder.record}
 */
export async function ingestFile(capture: Capture, terms: IngestTerms): Promise<Ingested> {
  checkAgentId(terms.agent)
  checkAbout(terms)
  const secrets = await knownSecrets(capture)
  const read = await readFile(capture, terms, secrets)
  try {
    return await recordFile(capture, terms, read)
  } finally {
    await leaveFile(read.file)
  }
}

function checkAbout({ about, format }: IngestTerms): void {
  if (about === null) return
  if (format === "otlp")
    throw new AmcError("usage/invalid", "a trace is about its calls, and about no question")
  if (isIngestible(about)) return
  throw new AmcError("usage/invalid", `results of others can't be about ${about.slice(0, 32)}`, {
    hint: "docs/ingest.md names the questions that they can be about",
  })
}

interface ReadFile extends FileContents {
  readonly file: BroughtFile
}

function readFile(
  { workspace, spoolDir }: Capture,
  { agent, path, format }: IngestTerms,
  secrets: SecretScanner,
): Promise<ReadFile> {
  return withLedger(workspace, async (ledger) => {
    const history = await readTraceHistory(ledger, workspace.lane, agent)
    const reader = new FileReader({ workspace, ledger, agent, format, history })
    const onPiece = (piece: Uint8Array): Promise<void> => reader.push(piece)
    const file = await bringFile({ path, spoolDir, secrets, onPiece })
    try {
      const { facts, ...contents } = await reader.end()
      return { file, ...contents, facts: { ...facts, tool: maskedText(facts.tool, secrets) } }
    } catch (error) {
      await leaveFile(file)
      throw error
    }
  })
}

async function recordFile(
  capture: Capture,
  { agent, format, about }: IngestTerms,
  { file: { payload, secretsFound }, facts, isTorn, trace }: ReadFile,
): Promise<Ingested> {
  const { workspace, recorder } = capture
  const { sha256: source_sha256 } = payload
  const known = await withLedger(workspace, (ledger) =>
    findIngested(ledger, workspace.lane, { agent, sha256: source_sha256, format }),
  )
  const { lseq, event_hash } =
    known ??
    (await recorder.record({
      type: "ingest",
      channel: "ingest",
      agent,
      session: null,
      facts: {
        measured: { source_sha256, format, about, secrets_found: secretsFound },
        reported: facts,
      },
      payload,
    }))
  const tally = trace === null ? null : tallyTrace(trace.calls, trace.known)
  if (trace !== null && tally !== null)
    await recordTrace(recorder, { agent, source_sha256, calls: trace.calls, tally })
  return { isKnown: known !== null, lseq, event_hash, source_sha256, facts, isTorn, trace: tally }
}
