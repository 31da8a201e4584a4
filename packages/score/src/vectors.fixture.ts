import { readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { sha256Hex } from "@amc/core"
import { record, type Story } from "./evidence.fixture.ts"
import { bankSha256, currentBank, encodeReport, engine, type Report, scoreRun } from "./index.ts"

const vectorsFile: string = fileURLToPath(
  new URL("../../../spec/vectors/report.json", import.meta.url),
)

/** A recording, as a story, and the report that the engine gives for ever. */
export interface VectorCase {
  readonly why: string
  readonly story: Story
  readonly overall: Report["overall"]
  readonly levels: readonly Report["overall"][]
  readonly status: Report["status"]
  readonly report_sha256: string
}

/** The file `spec/vectors/report.json`. */
export interface Vectors {
  readonly engine: string
  readonly bank_sha256: string
  readonly cases: readonly VectorCase[]
  readonly example: Report
}

/** The same stories with what the engine says of them now; the example is the first of them. */
function reportVectors({ cases }: Pick<Vectors, "cases">): Vectors {
  const judged = cases.map(({ why, story }) => ({ why, story, report: scoreRun(record(story)) }))
  const first = judged[0]?.report
  if (first === undefined) throw new Error("there is a first story")
  return {
    engine,
    bank_sha256: bankSha256(currentBank),
    cases: judged.map(({ why, story, report }) => ({
      why,
      story,
      overall: report.overall,
      levels: report.questions.map(({ level }) => level),
      status: report.status,
      report_sha256: sha256Hex(encodeReport(report)),
    })),
    example: first,
  }
}

export function readVectors(): Vectors {
  return JSON.parse(readFileSync(vectorsFile, "utf8")) as Vectors
}

/** `node packages/score/src/vectors.fixture.ts` judges the stories of the vectors anew. */
if (import.meta.main)
  writeFileSync(vectorsFile, `${JSON.stringify(reportVectors(readVectors()), null, 1)}\n`)
