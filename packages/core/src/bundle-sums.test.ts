import { expect, test } from "vitest"
import { encodeBundleSums, parseBundleSums } from "./bundle-sums.ts"
import { text, utf8 } from "./bytes.ts"

const digest = "ab".repeat(32)
const paths = ["checkpoint", "manifest.dsse.json", "manifest.json", "run/report.json"]
const sums = paths.map((path) => ({ path, sha256: digest }))
const bytes = encodeBundleSums(sums)

test("is what sha256sum writes, and is read back", () => {
  expect(text(bytes).split("\n")[0]).toBe(`${digest}  checkpoint`)
  expect(parseBundleSums(bytes)).toEqual(sums)
})

test.each([
  { why: "no last line break", of: text(bytes).slice(0, -1) },
  { why: "nothing", of: "" },
  { why: "an empty line", of: `\n${text(bytes)}` },
  { why: "another order", of: text(encodeBundleSums(sums)).split("\n").toReversed().join("\n") },
  { why: "a file twice", of: text(bytes).replace("checkpoint", "manifest.dsse.json") },
  { why: "a file outside", of: text(bytes).replace("run/report", "run/../report") },
  { why: "binary mode", of: text(bytes).replace("  checkpoint", " *checkpoint") },
  { why: "upper case", of: text(bytes).replace("abab", "ABAB") },
  { why: "no manifest", of: text(bytes).replace("manifest.json", "manifests.json") },
  { why: "itself", of: `${digest}  SHA256SUMS\n${text(bytes)}` },
  { why: "its signature", of: `${digest}  SHA256SUMS.sshsig\n${text(bytes)}` },
])("refuses a list with $why", ({ of }) => {
  expect(() => parseBundleSums(utf8(of))).toThrow(
    expect.objectContaining({ code: "input/malformed" }),
  )
})
