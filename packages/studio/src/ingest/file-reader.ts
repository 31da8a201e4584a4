import type { IngestFormat } from "@amc/core"
import type { SqliteLedger } from "@amc/store-sqlite"
import type { Workspace } from "../workspace.ts"
import { type DocumentTaker, resultTaker, TraceTaker } from "./document-taker.ts"
import { JsonDocuments } from "./json-documents.ts"
import { ResultCount, type ResultFacts } from "./result-count.ts"
import { resultFormats } from "./result-format.ts"
import type { TraceHistory } from "./trace-history.ts"
import { TraceJudge } from "./trace-judge.ts"

export interface ReaderTerms {
  readonly workspace: Workspace
  readonly ledger: SqliteLedger
  readonly agent: string
  readonly format: IngestFormat
  readonly history: TraceHistory
}

/** What a file was found to say. */
export interface FileContents {
  readonly facts: ResultFacts
  /** Whether the last line broke off and was left out. */
  readonly isTorn: boolean
  readonly trace: DocumentTaker["trace"]
}

/**
 * Reads a file of a format in pieces, in bounded memory.
 *
 * @throws {@link AmcError} `input/malformed`, `input/too-large`
 */
export class FileReader {
  readonly #count = new ResultCount()
  readonly #documents = new JsonDocuments()
  readonly #taker: DocumentTaker

  constructor({ format, ...terms }: ReaderTerms) {
    this.#taker =
      format === "otlp"
        ? new TraceTaker(this.#count, new TraceJudge(terms))
        : resultTaker(resultFormats[format](this.#count))
  }

  async push(piece: Uint8Array): Promise<void> {
    for (const document of this.#documents.push(piece)) await this.#taker.take(document)
  }

  async end(): Promise<FileContents> {
    for (const document of this.#documents.end()) await this.#taker.take(document)
    this.#taker.end()
    const { isTorn } = this.#documents
    if (isTorn) this.#count.outcome("undecided")
    return { facts: this.#count.facts(), isTorn, trace: this.#taker.trace }
  }
}
