import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import {
  type BundleCases,
  bundleVectors,
  type VectorEdit,
  vectorsFolder,
} from "./bundle-vectors.fixture.ts"
import { verifyBundle } from "./bundle.ts"
import { exitOf } from "./exit.ts"

const cases = JSON.parse(readFileSync(join(vectorsFolder, "cases.json"), "utf8")) as BundleCases
const policy = { rootSha256: cases.root_sha256, atMs: 0 }
const read = (file: string): Uint8Array => new Uint8Array(readFileSync(join(vectorsFolder, file)))

function edited(
  bytes: Uint8Array,
  { flip_bit: bit, keep_bytes: keep = bytes.length, append_zeros: zeros = 0 }: VectorEdit,
): Uint8Array {
  const changed = new Uint8Array(keep + zeros)
  changed.set(bytes.subarray(0, keep))
  if (bit !== undefined) changed[bit >> 3]! ^= 1 << (bit & 7)
  return changed
}

test.each(cases.accepted)("accepts $file", async ({ file, ...summary }) => {
  expect(await verifyBundle(read(file), policy)).toMatchObject({
    accepted: true,
    value: { summary },
  })
})

test.each(cases.refused)("refuses $file when $why", async ({ file, edit = {}, code, exit }) => {
  const verdict = await verifyBundle(edited(read(file), edit), policy)
  expect(verdict.accepted || verdict.findings.map((finding) => finding.code)).toContain(code)
  expect(exitOf(verdict)).toBe(exit)
})

test("the vectors are those that the script makes", async () => {
  const made = await bundleVectors()
  expect(made.cases).toEqual(cases)
  expect(readdirSync(vectorsFolder).sort()).toEqual([...made.files.keys(), "cases.json"].sort())
  for (const [file, bytes] of made.files)
    expect(Buffer.from(read(file)).equals(bytes), file).toBe(true)
})
