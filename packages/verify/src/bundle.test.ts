import { bundlePaths, readArchive } from "@amc/bundle"
import {
  bundleManifestPath,
  bundleManifestSignaturePath,
  bundleSumsPath,
  bundleSumsSignaturePath,
  concatBytes,
  encodeBundleManifest,
  parseBundleManifest,
  signBundleSums,
  signSshsig,
  systemAgent,
  unlistedBundleFiles,
  utf8,
} from "@amc/core"
import { parseReport } from "@amc/score"
import * as fc from "fast-check"
import { expect, test } from "vitest"
import {
  anotherReport,
  good,
  judge,
  lane,
  listAnew,
  mallory,
  parts,
  policy,
  run,
  signed,
  withFiles,
  withManifestBy,
  world,
} from "./bundle-judge.fixture.ts"
import { bundleOf, makeRun, openRun, partsOf, recordSystem, reportOf } from "./bundle.fixture.ts"
import { verifyBundle } from "./bundle.ts"
import { agent, LaneFixture, recordSession } from "./lane.fixture.ts"
import { laneName, makeWorld } from "./world.fixture.ts"

test("accepts an honest bundle by its bytes and the pinned root alone", async () => {
  const { verdict } = await judge(good)
  const report = parseReport(reportOf(run))
  expect(verdict).toEqual({
    accepted: true,
    value: {
      summary: {
        workspace: "demo",
        origin: "demo/ledger",
        agent,
        run_id: "run-1",
        rootFingerprint: `sha256:${world.rootSha256}`,
        events: lane.leaves.length,
        pruned: 0,
        payloads: { named: 0, held: 0, withheld: 0 },
        checkpoints: { seen: 0, extended: 0 },
        report,
        trust_label: report.trust_label,
        witnessing: null,
      },
      evidence: {
        run: expect.objectContaining({ report, events: lane.leaves.length }),
        notes: expect.objectContaining({ count: lane.leaves.length }),
        events: expect.anything(),
      },
      trust: { roots: [world.rootBytes], revocations: world.revocations },
      checkpoint: {
        size: lane.leaves.length,
        root_sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
      earlier: [],
    },
  })
})

test("accepts the same run in a bundle that was made after more was recorded, even a run under way", async () => {
  const later = makeRun()
  recordSession(later.lane, "s-later", false)
  recordSystem(later.lane)
  expect((await judge(bundleOf(partsOf(later), later.world))).codes).toEqual([])
})

test("accepts the bundle of a later run of the same ledger", async () => {
  const first = makeRun()
  recordSession(first.lane, "s-next")
  const second = { ...first, runOpened: openRun(first.lane, "run-2") }
  expect((await judge(bundleOf(partsOf(second), first.world))).verdict).toMatchObject({
    accepted: true,
    value: { summary: { run_id: "run-2" } },
  })
})

test("accepts a bundle without configs and without any session", async () => {
  const made = new LaneFixture(world)
  const { kid } = made.signer.key
  made.record(
    "key_change",
    { kid, role: "monitor", action: "enrolled", from_ms: 0 },
    { agent: systemAgent },
  )
  const empty = { world, lane: made, runOpened: openRun(made) }
  expect((await judge(bundleOf({ ...partsOf(empty), configs: [] }, world))).codes).toEqual([])
})

test("makes identical bytes from the same run twice (B15)", async () => {
  expect(await bundleOf(partsOf(makeRun()), makeWorld())).toEqual(good)
})

test.each([
  {
    why: "an extra file (B01)",
    bundle: withFiles((files) => files.set("notes.txt", utf8("x"))),
    code: "bundle/unlisted-file",
    exit: 4,
  },
  {
    why: "an extra config (B01)",
    bundle: withFiles((files) => files.set("config/more.yaml", utf8("x"))),
    code: "bundle/unlisted-file",
    exit: 4,
  },
  {
    why: "a missing file (B02)",
    bundle: withFiles((files) => files.delete("config/gateway.yaml")),
    code: "bundle/missing-file",
    exit: 4,
  },
  {
    why: "no report (B02)",
    bundle: withFiles((files) => files.delete("run/report.json")),
    code: "bundle/missing-file",
    exit: 4,
  },
  {
    why: "no manifest",
    bundle: withFiles((files) => files.delete(bundleManifestPath)),
    code: "bundle/malformed",
    exit: 1,
  },
  {
    why: "no signature of its manifest",
    bundle: withFiles((files) => files.delete(bundleManifestSignaturePath)),
    code: "bundle/malformed",
    exit: 1,
  },
  {
    why: "another report",
    bundle: withFiles(anotherReport),
    code: "bundle/digest-mismatch",
    exit: 4,
  },
  {
    why: "another report of the same size",
    bundle: withFiles((files) => files.get("run/report.json")!.fill(32)),
    code: "bundle/digest-mismatch",
    exit: 4,
  },
  {
    why: "a manifest that nobody signed",
    bundle: withFiles((files) => {
      const manifest = parseBundleManifest(files.get(bundleManifestPath)!)
      files.set(bundleManifestPath, encodeBundleManifest({ ...manifest, run_id: "run-2" }))
    }),
    code: "bundle/manifest-signature",
    exit: 4,
  },
  {
    why: "no list of its files",
    bundle: withFiles((files) => files.delete(bundleSumsPath)),
    code: "bundle/malformed",
    exit: 1,
  },
  {
    why: "no signature of the list of its files",
    bundle: withFiles((files) => files.delete(bundleSumsSignaturePath)),
    code: "bundle/malformed",
    exit: 1,
  },
  {
    why: "a list that leaves a file out",
    bundle: withFiles((files) => {
      const report = files.get(bundlePaths.report)!
      files.delete(bundlePaths.report)
      listAnew(files, world.signers.release)
      files.set(bundlePaths.report, report)
    }),
    code: "bundle/sums",
    exit: 4,
  },
  {
    why: "a list that names another digest, although the release key signed it",
    bundle: withFiles((files) => {
      const report = files.get(bundlePaths.report)!
      anotherReport(files)
      listAnew(files, world.signers.release)
      files.set(bundlePaths.report, report)
    }),
    code: "bundle/sums",
    exit: 4,
  },
  {
    why: "a list with a space more",
    bundle: withFiles((files) =>
      files.set(bundleSumsPath, concatBytes(files.get(bundleSumsPath)!, utf8(" "))),
    ),
    code: "bundle/sums",
    exit: 4,
  },
  ...["auditor", "monitor", "ledger"].map((role) => ({
    why: `a list that the ${role} signed (S07)`,
    bundle: withFiles((files) => listAnew(files, world.signers[role as "auditor"])),
    code: "bundle/sums-signature",
    exit: 1,
  })),
  {
    why: "a list that a stranger signed (B13)",
    bundle: withFiles((files) => listAnew(files, mallory.signers.release)),
    code: "bundle/sums-signature",
    exit: 1,
  },
  {
    why: "a list that was signed for another purpose (S01)",
    bundle: withFiles((files) => {
      const signature = signSshsig("file", files.get(bundleSumsPath)!, world.signers.release)
      files.set(bundleSumsSignaturePath, utf8(signature))
    }),
    code: "bundle/sums-signature",
    exit: 1,
  },
  {
    why: "the release key's signature of another list",
    bundle: withFiles((files) =>
      files.set(
        bundleSumsSignaturePath,
        signBundleSums(utf8("another list"), world.signers.release),
      ),
    ),
    code: "bundle/sums-signature",
    exit: 4,
  },
  {
    why: "a manifest of a later version",
    bundle: withFiles((files) => files.set(bundleManifestPath, utf8('{"schema":"amc.bundle/v2"}'))),
    code: "input/unsupported-version",
    exit: 3,
  },
  {
    why: "another signed kind in place of the manifest's signature (S02)",
    bundle: withFiles((files) => files.set(bundleManifestSignaturePath, parts.seal)),
    code: "bundle/manifest-signature",
    exit: 4,
  },
  {
    why: "a manifest that the monitor signed (S07)",
    bundle: withManifestBy(world.signers.monitor, () => undefined),
    code: "bundle/manifest-signature",
    exit: 1,
  },
  {
    why: "a manifest that a stranger signed (B13)",
    bundle: withManifestBy(mallory.signers.auditor, anotherReport),
    code: "bundle/manifest-signature",
    exit: 1,
  },
  {
    why: "a stranger's key and certificate (B13)",
    bundle: withManifestBy(mallory.signers.auditor, (files) => {
      for (const [kid, bytes] of mallory.certificates) files.set(`trust/keys/${kid}.json`, bytes)
    }),
    code: "bundle/key-certificate",
    exit: 1,
  },
  {
    why: "a certificate under another key's name",
    bundle: withManifestBy(world.signers.auditor, (files) =>
      files.set(`trust/keys/${"ab".repeat(32)}.json`, [...world.certificates.values()][0]!),
    ),
    code: "bundle/key-certificate",
    exit: 1,
  },
  {
    why: "a file that has no place in it",
    bundle: withManifestBy(world.signers.auditor, (files) => files.set("notes.txt", utf8("x"))),
    code: "bundle/stray-file",
    exit: 1,
  },
  {
    why: "another agent's slice",
    bundle: withManifestBy(world.signers.auditor, (files) =>
      files.set(`evidence/${laneName}/mallory.entries`, utf8("")),
    ),
    code: "bundle/stray-file",
    exit: 1,
  },
  {
    why: "a report larger than any",
    bundle: withManifestBy(world.signers.auditor, (files) =>
      files.set("run/report.json", new Uint8Array(17 << 20)),
    ),
    code: "bundle/file-too-large",
    exit: 1,
  },
  {
    why: "no evidence of a lane",
    bundle: withManifestBy(world.signers.auditor, (files) =>
      files.delete(`evidence/${laneName}/${agent}.entries`),
    ),
    code: "bundle/incomplete",
    exit: 1,
  },
  {
    why: "a lane without events",
    bundle: signed({
      lanes: [
        ...parts.lanes,
        {
          lane: "other",
          agentLeaves: [],
          systemLeaves: [],
          proofs: { indices: [], sizes: [], hashes: [] },
        },
      ],
    }),
    code: "bundle/empty-lane",
    exit: 1,
  },
  { why: "no lane", bundle: signed({ lanes: [] }), code: "run/not-opened", exit: 1 },
])("refuses a bundle with $why", async ({ bundle, code, exit }) => {
  const judged = await judge(bundle)
  expect(judged.codes).toContain(code)
  expect(judged.exit).toBe(exit)
})

test("refuses an attacker's own bundle, which is sound in itself, and says how to learn the right root", async () => {
  const { verdict } = await judge(bundleOf(partsOf(makeRun(mallory)), mallory))
  expect((await judge(bundleOf(partsOf(makeRun(mallory)), mallory), mallory)).codes).toEqual([])
  expect(verdict).toMatchObject({
    accepted: false,
    findings: [{ code: "bundle/unknown-root", tampered: false }],
  })
  expect(verdict.accepted || verdict.findings[0].detail).toContain(`sha256:${mallory.rootSha256}`)
})

test.each([
  {
    why: "without trust files",
    change: { keys: new Map<string, Uint8Array>() },
    code: "bundle/unknown-root",
  },
  {
    why: "with the victim's root",
    change: { roots: [world.rootBytes], revocations: world.revocations },
    code: "bundle/key-certificate",
  },
  {
    why: "with the victim's root and keys",
    change: {
      roots: [world.rootBytes],
      revocations: world.revocations,
      keys: world.certificates,
    },
    code: "bundle/manifest-signature",
    more: ["bundle/sums-signature", "bundle/checkpoint"],
  },
  {
    why: "with the victim's root and no keys",
    change: {
      roots: [world.rootBytes],
      revocations: world.revocations,
      keys: new Map<string, Uint8Array>(),
    },
    code: "bundle/manifest-signature",
    more: ["bundle/sums-signature", "bundle/checkpoint"],
  },
  { why: "with no readable root", change: { roots: [utf8("{}")] }, code: "bundle/root-malformed" },
])("refuses an attacker's own run, report and ledger $why", async ({ change, code, more = [] }) => {
  const judged = await judge(bundleOf({ ...partsOf(makeRun(mallory)), ...change }, mallory))
  expect(judged).toMatchObject({ codes: [code, ...more], exit: 1 })
})

test.each(["", "sha256:", "zz", "ab".repeat(32), `sha256:${"ab".repeat(32)}`])(
  "knows no root by the pin %j",
  async (rootSha256) => {
    expect(await verifyBundle(good, { rootSha256, atMs: 0 })).toMatchObject({
      findings: [{ code: "bundle/unknown-root" }],
    })
  },
)

test("judges the bytes that it was given, whatever happens to them afterwards (B14)", async () => {
  const bytes = Uint8Array.from(good)
  const verdict = await verifyBundle(bytes, policy)
  bytes.fill(0)
  expect(verdict).toEqual((await judge(good)).verdict)
})

test("never throws on noise, on beginnings of a bundle or on parts of one put together", async () => {
  const cut = fc.nat(good.length)
  const noise = fc.oneof(
    fc.uint8Array({ maxLength: 3000 }),
    cut.map((at) => good.subarray(0, at)),
    fc
      .tuple(cut, cut)
      .map(
        ([from, to]) => new Uint8Array(Buffer.concat([good.subarray(0, from), good.subarray(to)])),
      ),
  )
  await fc.assert(
    fc.asyncProperty(noise, async (bytes) => {
      fc.pre(bytes.length !== good.length)
      expect((await verifyBundle(bytes, policy)).accepted).toBe(false)
    }),
    { numRuns: 500 },
  )
})

test("never throws on any file of noise that the auditor signed", async () => {
  const paths = [...(await readArchive(good)).keys()].filter(
    (path) => !unlistedBundleFiles.has(path),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...paths),
      fc.oneof(fc.uint8Array({ maxLength: 600 }), fc.json().map(utf8)),
      async (path, bytes) => {
        const bundle = await withManifestBy(world.signers.auditor, (files) =>
          files.set(path, bytes),
        )
        expect((await verifyBundle(bundle, policy)).accepted).toBe(false)
      },
    ),
    { numRuns: 100 },
  )
})
