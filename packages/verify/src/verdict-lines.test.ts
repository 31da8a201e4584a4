import type { Finding } from "@amc/core"
import { expect, test } from "vitest"
import { good, judge, withFiles } from "./bundle-judge.fixture.ts"
import { bundleVectors } from "./bundle-vectors.fixture.ts"
import { verifyBundle } from "./bundle.ts"
import { aspectOf, verdictAspects, verdictLines } from "./verdict-lines.ts"

test("an accepted bundle has an answer to each question", async () => {
  const lines = verdictLines((await judge(good)).verdict)
  expect(lines.map(({ aspect, state }) => [aspect, state])).toEqual(
    verdictAspects.map((aspect) => [aspect, "holds"]),
  )
  expect(lines.find(({ aspect }) => aspect === "time")?.text).toMatch(/^self-asserted/)
})

test("what was not looked at is not said to hold", async () => {
  const { verdict } = await judge(withFiles((files) => files.delete("run/report.json")))
  expect(verdictLines(verdict).map(({ state }) => state)).toEqual([
    "fails",
    "unknown",
    "unknown",
    "unknown",
    "unknown",
    "unknown",
  ])
})

test("every finding fails the line that it is of, and the gravest is told", async () => {
  const { files, cases } = await bundleVectors()
  for (const { why, file, code, edit } of cases.refused) {
    if (edit !== undefined) continue
    const policy = { rootSha256: cases.root_sha256, atMs: 0 }
    const verdict = await verifyBundle(files.get(file)!, policy)
    const line = verdictLines(verdict).find(
      ({ aspect }) => aspect === aspectOf({ code: code as Finding["code"] }),
    )
    expect(line?.state, why).toBe("fails")
  }
})

test.each([
  ["bundle/malformed", "integrity"],
  ["bundle/sums", "integrity"],
  ["bundle/unknown-root", "signer"],
  ["bundle/sums-signature", "signer"],
  ["trust/key-compromised", "signer"],
  ["trust/root-expired", "time"],
  ["witness/quorum", "time"],
  ["run/heads", "completeness"],
  ["ledger/forked", "completeness"],
  ["ledger/prune-refused", "redactions"],
  ["run/not-reproducible", "score"],
  ["score/unknown-engine", "score"],
  ["run/seal-invalid", "signer"],
] as const)("%s is of %s", (code, aspect) => {
  expect(aspectOf({ code })).toBe(aspect)
})
