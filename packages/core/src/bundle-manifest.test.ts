import { expect, test } from "vitest"
import {
  type BundleManifest,
  encodeBundleManifest,
  parseBundleManifest,
} from "./bundle-manifest.ts"
import { canonicalize, type JsonObject } from "./canonical.ts"
import { utf8 } from "./bytes.ts"

const file = { path: "run/report.json", size: 2, sha256: "ab".repeat(32) }
const manifest: BundleManifest = {
  workspace: "demo",
  origin: "demo/ledger",
  agent: "coder",
  run_id: "run-1",
  withheld: ["payloads"],
  files: [{ ...file, path: "checkpoint" }, file],
}

test("gives back what it wrote, in one spelling", () => {
  const bytes = encodeBundleManifest(manifest)
  expect(parseBundleManifest(bytes)).toEqual(manifest)
  expect(encodeBundleManifest(parseBundleManifest(bytes))).toEqual(bytes)
})

const changed = (change: JsonObject): Uint8Array =>
  canonicalize({ schema: "amc.bundle/v1", ...manifest, ...change })

test.each([
  { why: "another member", bytes: changed({ more: 1 }) },
  { why: "something unknown withheld", bytes: changed({ withheld: ["evidence"] }) },
  { why: "payloads withheld twice", bytes: changed({ withheld: ["payloads", "payloads"] }) },
  { why: "no files", bytes: changed({ files: [] }) },
  { why: "files out of order", bytes: changed({ files: manifest.files.toReversed() }) },
  { why: "a file twice", bytes: changed({ files: [file, file] }) },
  { why: "a path that leaves the bundle", bytes: changed({ files: [{ ...file, path: "../x" }] }) },
  { why: "an absolute path", bytes: changed({ files: [{ ...file, path: "/x" }] }) },
  { why: "itself", bytes: changed({ files: [{ ...file, path: "manifest.json" }] }) },
  { why: "the list", bytes: changed({ files: [{ ...file, path: "SHA256SUMS" }] }) },
  { why: "its signature", bytes: changed({ files: [{ ...file, path: "manifest.dsse.json" }] }) },
  { why: "a negative size", bytes: changed({ files: [{ ...file, size: -1 }] }) },
  {
    why: "a digest in capitals",
    bytes: changed({ files: [{ ...file, sha256: "AB".repeat(32) }] }),
  },
  { why: "the system's chain as its agent", bytes: changed({ agent: "_system" }) },
  { why: "another kind of schema", bytes: changed({ schema: "amc.report/v1" }) },
  {
    why: "spacing",
    bytes: utf8(JSON.stringify({ schema: "amc.bundle/v1", ...manifest }, null, 1)),
  },
  { why: "nothing", bytes: new Uint8Array(0) },
])("refuses a manifest with $why", ({ bytes }) => {
  expect(() => parseBundleManifest(bytes)).toThrow(
    expect.objectContaining({ code: "input/malformed" }),
  )
})

test("tells a later version from a broken one", () => {
  expect(() => parseBundleManifest(changed({ schema: "amc.bundle/v2" }))).toThrow(
    expect.objectContaining({ code: "input/unsupported-version" }),
  )
})

test("parses nothing that is larger than any manifest", () => {
  const bytes = utf8(`[${"{},".repeat(1 << 21)}{}]`)
  expect(() => parseBundleManifest(bytes)).toThrow(
    expect.objectContaining({ code: "input/too-large" }),
  )
})
