import { canonicalize, sha256Hex } from "@amc/core"
import { expect, test } from "vitest"
import { record } from "./evidence.fixture.ts"
import { bankSha256, currentBank, encodeReport, engine, parseReport, scoreRun } from "./index.ts"
import { readVectors } from "./vectors.fixture.ts"

const vectors = readVectors()

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
