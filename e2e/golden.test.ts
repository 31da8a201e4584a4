import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { sha256Hex } from "@amc/core"
import { verifyBundle } from "@amc/verify"
import { expect, test } from "vitest"
import { clone } from "./testing/amc.ts"

const folder = join(clone, "e2e/golden")

/** What was said of each when it was made. A new format adds a file and a line, and changes none. */
const golden = JSON.parse(readFileSync(join(folder, "golden.json"), "utf8")) as readonly {
  readonly file: string
  readonly sha256: string
  readonly root_sha256: string
  readonly at_ms: number
  readonly run_id: string
  readonly events: number
  readonly overall: number | string
}[]

test("every golden bundle is listed, and is the file that it was", () => {
  const files = readdirSync(folder).filter((name) => name.endsWith(".amcbundle"))
  expect(files.sort()).toEqual(golden.map(({ file }) => file).sort())
  for (const { file, sha256 } of golden)
    expect([file, sha256Hex(readFileSync(join(folder, file)))]).toEqual([file, sha256])
})

test.each(golden)("$file is still accepted, and says what it said", async (one) => {
  const policy = { rootSha256: one.root_sha256, atMs: one.at_ms }
  const verdict = await verifyBundle(readFileSync(join(folder, one.file)), policy)
  if (!verdict.accepted) throw new Error(JSON.stringify(verdict.findings))
  const { run_id, events, report } = verdict.value.summary
  expect({ run_id, events, overall: report.overall }).toEqual({
    run_id: one.run_id,
    events: one.events,
    overall: one.overall,
  })
  expect(verdict.value.evidence.run.run.run_id).toBe(one.run_id)
})
