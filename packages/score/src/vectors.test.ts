import { readFileSync } from "node:fs"
import { canonicalize, sha256Hex } from "@amc/core"
import { expect, test } from "vitest"
import { record, type Story } from "./evidence.fixture.ts"
import { bankSha256, currentBank, encodeReport, engine, parseReport, scoreRun } from "./index.ts"

interface Vectors {
  readonly engine: string
  readonly bank_sha256: string
  readonly cases: readonly {
    readonly why: string
    readonly story: Story
    readonly report_sha256: string
  }[]
  readonly example: Parameters<typeof encodeReport>[0]
}

const file = new URL("../../../spec/vectors/report.json", import.meta.url)
const vectors = JSON.parse(readFileSync(file, "utf8")) as Vectors

test("the released bank and engine are those of the vectors", () => {
  expect([engine, bankSha256(currentBank)]).toEqual([vectors.engine, vectors.bank_sha256])
  expect(vectors.cases.length).toBeGreaterThan(0)
})

test.each(vectors.cases)(
  "a released engine gives the same report for ever: $why",
  ({ story, report_sha256 }) => {
    expect(sha256Hex(encodeReport(scoreRun(record(story))))).toBe(report_sha256)
  },
)

test("the example of the spec is a report", () => {
  expect(parseReport(canonicalize(vectors.example as never))).toEqual(vectors.example)
})
