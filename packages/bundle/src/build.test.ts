import {
  bundleManifestPath,
  bundleSumsPath,
  parseBundleManifest,
  parseBundleSums,
  sha256Hex,
  unlistedBundleFiles,
  utf8,
} from "@amc/core"
import { expect, test } from "vitest"
import { readArchive } from "./archive.ts"
import { buildBundle, type BundleParts } from "./build.ts"
import { contentsOf } from "./layout.ts"

const kid = "ab".repeat(32)
const parts: BundleParts = {
  workspace: "demo",
  origin: "demo/ledger",
  agent: "coder",
  run_id: "run-1",
  checkpoint: "note\n",
  lanes: [
    {
      lane: "main",
      agentLeaves: [{ leaf: utf8("leaf"), signature: "signature" }],
      systemLeaves: [],
      proofs: { indices: [0], sizes: [], hashes: [] },
    },
  ],
  report: utf8("{}"),
  seal: utf8("seal"),
  roots: [utf8("root")],
  revocations: utf8("revocations"),
  keys: new Map([[kid, utf8("certificate")]]),
  configs: [
    { path: "gateway.yaml", bytes: utf8("v: 1\n"), signature: utf8("signature") },
    { path: "agents/coder/agent.config.yaml", bytes: utf8("v: 1\n"), signature: null },
  ],
  changes: [utf8("change")],
  policies: [utf8("policy")],
  attestations: [utf8("attestation")],
  payloads: [utf8("payload")],
}
const signers = { manifest: () => utf8("envelope"), sums: () => utf8("signature") }
const layout = [
  `attestations/${sha256Hex(utf8("attestation"))}.dsse.json`,
  `changes/${sha256Hex(utf8("change"))}.dsse.json`,
  "checkpoint",
  "config/agents/coder/agent.config.yaml",
  "config/gateway.yaml",
  "config/gateway.yaml.sig",
  "evidence/main/_system.entries",
  "evidence/main/_system.signatures",
  "evidence/main/coder.entries",
  "evidence/main/coder.signatures",
  `payloads/${sha256Hex(utf8("payload"))}`,
  `policies/${sha256Hex(utf8("policy"))}.yaml`,
  "proofs/main.json",
  "run/report.json",
  "run/seal.dsse.json",
  `trust/keys/${kid}.json`,
  "trust/revocations.json",
  "trust/roots/1.json",
]

test("lays a bundle out, lists every file in its manifest and all but the list in SHA256SUMS", async () => {
  const files = await readArchive(await buildBundle(parts, signers))
  const { files: listed, ...about } = parseBundleManifest(files.get(bundleManifestPath)!)
  expect(about).toEqual({
    workspace: "demo",
    origin: "demo/ledger",
    agent: "coder",
    run_id: "run-1",
    withheld: [],
  })
  expect(listed.map(({ path }) => path)).toEqual(layout)
  expect([...files.keys()]).toEqual([...layout, ...unlistedBundleFiles].sort())
  expect(parseBundleSums(files.get(bundleSumsPath)!)).toEqual(
    [...files]
      .filter(([path]) => !path.startsWith(bundleSumsPath))
      .map(([path, bytes]) => ({ path, sha256: sha256Hex(bytes) })),
  )
  for (const { path, size, sha256 } of listed)
    expect({ path, size, sha256 }).toEqual({
      path,
      size: files.get(path)!.length,
      sha256: sha256Hex(files.get(path)!),
    })
})

test("says in its manifest what it withholds", async () => {
  const files = await readArchive(await buildBundle({ ...parts, payloads: null }, signers))
  expect(parseBundleManifest(files.get(bundleManifestPath)!).withheld).toEqual(["payloads"])
  expect([...files.keys()].filter((path) => path.startsWith("payloads/"))).toEqual([])
})

test("builds identical bytes from the same parts", async () => {
  const reordered = { ...parts, configs: parts.configs.toReversed() }
  expect(await buildBundle(reordered, signers)).toEqual(await buildBundle(parts, signers))
})

test.each([
  {
    why: "a config outside the bundle",
    change: { configs: [{ path: "../x", bytes: utf8(""), signature: null }] },
  },
  { why: "two configs of one name", change: { configs: [parts.configs[0]!, parts.configs[0]!] } },
  {
    why: "a config in another's signature's place",
    change: {
      configs: [parts.configs[0]!, { path: "gateway.yaml.sig", bytes: utf8(""), signature: null }],
    },
  },
  { why: "one payload twice", change: { payloads: [utf8("payload"), utf8("payload")] } },
  { why: "one change twice", change: { changes: [utf8("change"), utf8("change")] } },
  { why: "no valid agent", change: { agent: "../coder" } },
])("refuses $why", async ({ change }) => {
  await expect(buildBundle({ ...parts, ...change }, signers)).rejects.toMatchObject({
    code: "input/malformed",
  })
})

test("sorts the names of a bundle into what they are", () => {
  const strays = [
    "evidence/other/coder.entries",
    "evidence/main/mallory.entries",
    "trust/keys/short.json",
    "notes.txt",
    "config.yaml",
    "run/more.json",
    "changes/short.dsse.json",
  ]
  expect(contentsOf([...layout, ...strays], "coder")).toEqual({
    lanes: ["main"],
    roots: 1,
    kids: [kid],
    configs: ["agents/coder/agent.config.yaml", "gateway.yaml"],
    changes: [sha256Hex(utf8("change"))],
    policies: [sha256Hex(utf8("policy"))],
    attestations: [sha256Hex(utf8("attestation"))],
    payloads: [sha256Hex(utf8("payload"))],
    strays,
  })
})
