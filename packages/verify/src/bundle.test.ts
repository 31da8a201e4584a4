import {
  type BundledLane,
  type BundleParts,
  encodeProofs,
  proofsPath,
  proveLeaves,
  readArchive,
  writeArchive,
} from "@amc/bundle"
import {
  bundleManifestPath,
  bundleManifestSignaturePath,
  encodeBundleManifest,
  encodeCheckpoint,
  fromHex,
  parseBundleManifest,
  rootOf,
  type RunSeal,
  sealRun,
  sha256Hex,
  type Signer,
  signBundleManifest,
  signNote,
  systemAgent,
  utf8,
  type Verdict,
} from "@amc/core"
import { encodeReport, parseReport, type Report } from "@amc/score"
import * as fc from "fast-check"
import { expect, test } from "vitest"
import {
  bundleOf,
  configBytes,
  configPath,
  configSignature,
  makeRun,
  openRun,
  partsOf,
  recordSystem,
  reportOf,
  type RunFixture,
  sealOf,
} from "./bundle.fixture.ts"
import { type BundleSummary, verifyBundle } from "./bundle.ts"
import { exitOf } from "./exit.ts"
import { agent, LaneFixture, recordSession } from "./lane.fixture.ts"
import { laneName, makeWorld, origin, startMs, type World } from "./world.fixture.ts"

const run = makeRun()
const { world, lane } = run
const parts = partsOf(run)
const policy = { rootSha256: world.rootSha256 }
const good = await bundleOf(parts, world)
const mallory = makeWorld("mallory")

async function judge(
  bundle: Uint8Array | Promise<Uint8Array>,
  by: World = world,
): Promise<{ codes: string[]; exit: number; verdict: Verdict<BundleSummary> }> {
  const verdict = await verifyBundle(await bundle, { rootSha256: by.rootSha256 })
  const codes = verdict.accepted ? [] : [...new Set(verdict.findings.map(({ code }) => code))]
  return { codes, exit: exitOf(verdict), verdict }
}

/** Changes files of a bundle as somebody would who can write tar. */
async function withFiles(
  change: (files: Map<string, Uint8Array>) => void,
  bundle = good,
): Promise<Uint8Array> {
  const files = new Map(await readArchive(bundle))
  change(files)
  return writeArchive(files)
}

/** Changes files and makes the manifest fit again, signed by this key. */
function withManifestBy(
  signer: Signer,
  change: (files: Map<string, Uint8Array>) => void,
  bundle = good,
): Promise<Uint8Array> {
  return withFiles((files) => {
    const manifest = parseBundleManifest(files.get(bundleManifestPath)!)
    change(files)
    const listed = [...files].filter(([path]) => !path.startsWith("manifest."))
    const entries = listed
      .map(([path, bytes]) => ({ path, size: bytes.length, sha256: sha256Hex(bytes) }))
      .sort((a, b) => (a.path < b.path ? -1 : 1))
    const bytes = encodeBundleManifest({ ...manifest, files: entries })
    files.set(bundleManifestPath, bytes)
    files.set(bundleManifestSignaturePath, signBundleManifest(bytes, signer))
  }, bundle)
}

const anotherReport = (files: Map<string, Uint8Array>): unknown =>
  files.set("run/report.json", utf8("{}"))
/** The real auditor signs whatever these parts are: what the evidence itself must then show. */
const signed = (change: Partial<BundleParts>): Promise<Uint8Array> =>
  bundleOf({ ...parts, ...change }, world)
const onlyLane = parts.lanes[0]!
const withLane = (change: Partial<BundledLane>): Promise<Uint8Array> =>
  signed({ lanes: [{ ...onlyLane, ...change }] })

test("accepts an honest bundle by its bytes and the pinned root alone", async () => {
  const { verdict } = await judge(good)
  const report = parseReport(reportOf(run))
  expect(verdict).toEqual({
    accepted: true,
    value: {
      workspace: "demo",
      origin: "demo/ledger",
      agent,
      run_id: "run-1",
      rootFingerprint: `sha256:${world.rootSha256}`,
      events: lane.leaves.length,
      report,
      trust_label: report.trust_label,
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
    value: { run_id: "run-2" },
  })
})

test("accepts a bundle without configs and without any session", async () => {
  const made = new LaneFixture(world)
  recordSystem(made)
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
      lanes: [...parts.lanes, { lane: "other", agentLeaves: [], systemLeaves: [], proofs: [] }],
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
    change: { root: world.rootBytes },
    code: "bundle/key-certificate",
  },
  {
    why: "with the victim's root and keys",
    change: { root: world.rootBytes, keys: world.certificates },
    code: "bundle/manifest-signature",
    more: ["bundle/checkpoint"],
  },
  {
    why: "with the victim's root and no keys",
    change: { root: world.rootBytes, keys: new Map<string, Uint8Array>() },
    code: "bundle/manifest-signature",
    more: ["bundle/checkpoint"],
  },
  { why: "with no readable root", change: { root: utf8("{}") }, code: "bundle/root-malformed" },
])("refuses an attacker's own run, report and ledger $why", async ({ change, code, more = [] }) => {
  const judged = await judge(bundleOf({ ...partsOf(makeRun(mallory)), ...change }, mallory))
  expect(judged).toMatchObject({ codes: [code, ...more], exit: 1 })
})

test.each(["", "sha256:", "zz", "ab".repeat(32), `sha256:${"ab".repeat(32)}`])(
  "knows no root by the pin %j",
  async (rootSha256) => {
    expect(await verifyBundle(good, { rootSha256 })).toMatchObject({
      findings: [{ code: "bundle/unknown-root" }],
    })
  },
)

const without = <T>(list: readonly T[], at: number): T[] => list.filter((_, index) => index !== at)
const lastAgentLeaf = onlyLane.agentLeaves.length - 1
const mallorysLane = partsOf(makeRun(mallory)).lanes
const lseqsOf = (of: string): number[] => lane.slice(of).map(({ event }) => event.lseq)
const proofsWithout = (...lseqs: number[]): BundledLane["proofs"] =>
  onlyLane.proofs.filter(({ index }) => !lseqs.includes(index))

test.each([
  {
    why: "an event of the agent left out (B09)",
    bundle: withLane({
      agentLeaves: without(onlyLane.agentLeaves, 3),
      proofs: proofsWithout(lseqsOf(agent)[3]!),
    }),
    code: "ledger/agent-broken",
    exit: 4,
  },
  {
    why: "an event of the agent and not its proof left out (B09)",
    bundle: withLane({ agentLeaves: without(onlyLane.agentLeaves, 3) }),
    code: "bundle/proofs",
    exit: 4,
  },
  {
    why: "its first session left out (B09)",
    bundle: withLane({ agentLeaves: onlyLane.agentLeaves.slice(8) }),
    code: "ledger/agent-broken",
    exit: 4,
  },
  {
    why: "the opening of the run left out",
    bundle: withLane({
      agentLeaves: without(onlyLane.agentLeaves, lastAgentLeaf),
      proofs: proofsWithout(lane.leaves.length - 1),
    }),
    code: "run/not-opened",
    exit: 1,
  },
  {
    why: "a system event left out",
    bundle: withLane({
      systemLeaves: onlyLane.systemLeaves.slice(0, 1),
      proofs: proofsWithout(lseqsOf(systemAgent)[1]!),
    }),
    code: "run/incomplete",
    exit: 4,
  },
  {
    why: "all system events left out",
    bundle: withLane({ systemLeaves: [], proofs: proofsWithout(...lseqsOf(systemAgent)) }),
    code: "run/incomplete",
    exit: 4,
  },
  {
    why: "events in another order",
    bundle: withLane({
      agentLeaves: onlyLane.agentLeaves
        .with(1, onlyLane.agentLeaves[2]!)
        .with(2, onlyLane.agentLeaves[1]!),
    }),
    code: "ledger/agent-broken",
    exit: 4,
  },
  {
    why: "an event twice",
    bundle: withLane({
      agentLeaves: onlyLane.agentLeaves.toSpliced(3, 0, onlyLane.agentLeaves[3]!),
    }),
    code: "ledger/agent-broken",
    exit: 4,
  },
  {
    why: "an attacker's events",
    bundle: signed({ lanes: mallorysLane }),
    code: "ledger/unknown-key",
    exit: 4,
  },
  {
    why: "proofs in each other's place",
    bundle: withLane({
      proofs: onlyLane.proofs.map(({ index }, at, all) => ({
        index,
        path: all[(at + 1) % all.length]!.path,
      })),
    }),
    code: "bundle/not-included",
    exit: 4,
  },
  {
    why: "proofs of other places",
    bundle: withLane({
      proofs: onlyLane.proofs.map(({ index, path }) => ({ index: index + 1, path })),
    }),
    code: "bundle/not-included",
    exit: 4,
  },
  {
    why: "proofs without paths",
    bundle: withLane({ proofs: onlyLane.proofs.map(({ index }) => ({ index, path: [] })) }),
    code: "bundle/not-included",
    exit: 4,
  },
  {
    why: "the checkpoint of a stranger",
    bundle: signed({ checkpoint: lane.checkpoint(mallory.signers.ledger) }),
    code: "bundle/checkpoint",
    exit: 1,
  },
  {
    why: "a checkpoint that the auditor signed (S07)",
    bundle: signed({ checkpoint: lane.checkpoint(world.signers.auditor) }),
    code: "bundle/checkpoint",
    exit: 1,
  },
  {
    why: "a checkpoint with another size",
    bundle: signed({ checkpoint: parts.checkpoint.replace(/\n\d+\n/u, "\n7\n") }),
    code: "bundle/checkpoint",
    exit: 4,
  },
  { why: "no checkpoint", bundle: signed({ checkpoint: "" }), code: "bundle/checkpoint", exit: 1 },
  {
    why: "an older checkpoint (B10)",
    bundle: signed({ checkpoint: lane.checkpoint(world.signers.ledger, 10) }),
    code: "bundle/not-included",
    exit: 4,
  },
  {
    why: "a checkpoint of another history of that size (L11)",
    bundle: signed({ checkpoint: makeRun(mallory).lane.checkpoint(world.signers.ledger) }),
    code: "bundle/not-included",
    exit: 4,
  },
  {
    why: "another origin",
    bundle: signed({ origin: "demo/other" }),
    code: "bundle/checkpoint",
    exit: 1,
  },
  {
    why: "another workspace",
    bundle: signed({ workspace: "other" }),
    code: "bundle/another-workspace",
    exit: 1,
  },
  {
    why: "a manifest for another run (B08)",
    bundle: signed({ run_id: "run-2" }),
    code: "bundle/another-run",
    exit: 4,
  },
  {
    why: "entries that are no entries",
    bundle: withManifestBy(world.signers.auditor, (files) =>
      files.set(`evidence/${laneName}/${agent}.entries`, Uint8Array.of(1)),
    ),
    code: "bundle/entries",
    exit: 1,
  },
  {
    why: "proofs that are no proofs",
    bundle: withManifestBy(world.signers.auditor, (files) =>
      files.set(proofsPath(laneName), utf8("[]")),
    ),
    code: "bundle/proofs",
    exit: 1,
  },
])(
  "refuses, although the auditor signed it, a bundle with $why",
  async ({ bundle, code, exit }) => {
    const judged = await judge(bundle)
    expect(judged.codes).toContain(code)
    expect(judged.exit).toBe(exit)
  },
)

test("refuses events from beyond the run", async () => {
  const more = makeRun()
  const before = partsOf(more)
  recordSession(more.lane, "s-later")
  const leaves = more.lane.leaves
  const later: BundledLane = {
    lane: laneName,
    agentLeaves: more.lane.slice(agent).map(({ leaf }) => leaf),
    systemLeaves: before.lanes[0]!.systemLeaves,
    proofs: proveLeaves(
      leaves.map(({ hash }) => fromHex(hash)),
      leaves.map((_, at) => at),
    ),
  }
  expect(await judge(bundleOf({ ...partsOf(more), lanes: [later] }, more.world))).toMatchObject({
    codes: ["bundle/beyond-run"],
    exit: 1,
  })
})

test("refuses a tree that has the lane's events at other places than the lane does", async () => {
  const hashes = [new Uint8Array(32), ...lane.leaves.map(({ hash }) => fromHex(hash))]
  const shifted = signNote(
    encodeCheckpoint({ origin, size: hashes.length, root: rootOf(hashes) }),
    origin,
    world.signers.ledger,
  )
  const proofs = proveLeaves(
    hashes,
    lane.leaves.map((_, at) => at + 1),
  )
  const judged = await judge(signed({ checkpoint: shifted, lanes: [{ ...onlyLane, proofs }] }))
  expect(judged).toMatchObject({ codes: ["bundle/not-included"], exit: 4 })
})

const honest = sealOf(run, parts.report, parts.checkpoint)
const sealedAs = (
  change: Partial<RunSeal["run"]>,
  by: Signer = world.signers.auditor,
): Uint8Array => sealRun({ ...honest, run: { ...honest.run, ...change } }, by)
const { from_ms, to_ms } = honest.run.window

test.each([
  {
    why: "by a stranger",
    seal: sealedAs({}, mallory.signers.auditor),
    code: "run/seal-invalid",
    exit: 1,
  },
  {
    why: "by the monitor (S07)",
    seal: sealedAs({}, world.signers.monitor),
    code: "run/seal-invalid",
    exit: 1,
  },
  {
    why: "that is another signed kind (S01)",
    seal: configSignature(world),
    code: "run/seal-invalid",
    exit: 1,
  },
  { why: "that is no envelope", seal: utf8("{}"), code: "run/seal-invalid", exit: 1 },
  {
    why: "with a flipped signature",
    seal: flippedSignature(parts.seal),
    code: "run/seal-invalid",
    exit: 4,
  },
  { why: "of another run", seal: sealedAs({ run_id: "run-2" }), code: "run/not-opened", exit: 1 },
  {
    why: "of another agent",
    seal: sealedAs({ agent: "mallory" }),
    code: "run/not-opened",
    exit: 1,
  },
  {
    why: "of another workspace",
    seal: sealedAs({ workspace: "other" }),
    code: "run/seal-contradicted",
    exit: 4,
  },
  {
    why: "with a later start of its window (B10)",
    seal: sealedAs({ window: { from_ms: from_ms + 80, to_ms } }),
    code: "run/seal-contradicted",
    exit: 4,
  },
  {
    why: "with an earlier end of its window (B10)",
    seal: sealedAs({ window: { from_ms, to_ms: to_ms - 80 } }),
    code: "run/seal-contradicted",
    exit: 4,
  },
  {
    why: "with fewer heads",
    seal: sealedAs({ heads: honest.run.heads.slice(0, 1) }),
    code: "run/seal-contradicted",
    exit: 4,
  },
  {
    why: "with another bank",
    seal: sealedAs({ bank_sha256: "ab".repeat(32) }),
    code: "run/seal-contradicted",
    exit: 4,
  },
  {
    why: "at another checkpoint",
    seal: sealedAs({ checkpoint: { ...honest.run.checkpoint, size: 1 } }),
    code: "bundle/another-checkpoint",
    exit: 4,
  },
  {
    why: "of an engine that is not known",
    seal: sealedAs({ engine: "amc-score/v999" }),
    code: "score/unknown-engine",
    exit: 3,
  },
])("refuses a run with a seal $why", async ({ seal, code, exit }) => {
  const judged = await judge(signed({ seal }))
  expect(judged.codes).toContain(code)
  expect(judged.exit).toBe(exit)
})

function flippedSignature(envelope: Uint8Array): Uint8Array {
  const value = JSON.parse(Buffer.from(envelope).toString()) as { signatures: { sig: string }[] }
  const [signature] = value.signatures
  signature!.sig = `${signature!.sig.startsWith("A") ? "B" : "A"}${signature!.sig.slice(1)}`
  return utf8(JSON.stringify(value))
}

test("refuses another run's seal and report, sound as they are", async () => {
  const two = makeRun()
  const first = partsOf(two)
  recordSession(two.lane, "s-next")
  const second = partsOf({ ...two, runOpened: openRun(two.lane, "run-2") })
  const swapped = await judge(
    bundleOf(
      { ...first, checkpoint: second.checkpoint, seal: second.seal, report: second.report },
      two.world,
    ),
  )
  expect(swapped).toMatchObject({ codes: expect.arrayContaining(["bundle/not-included"]), exit: 4 })
  const onlySeal = await judge(
    bundleOf({ ...second, seal: first.seal, report: first.report }, two.world),
  )
  expect(onlySeal).toMatchObject({ codes: expect.arrayContaining(["bundle/another-run"]), exit: 4 })
})

const forge = (change: (report: Report) => Partial<Report>): Promise<Uint8Array> => {
  const report = parseReport(parts.report)
  const forged = encodeReport({ ...report, ...change(report) })
  return signed({
    report: forged,
    seal: sealRun({ ...honest, reportSha256: sha256Hex(forged) }, world.signers.auditor),
  })
}

test.each([
  {
    why: "a higher level",
    forged: forge(({ questions }) => ({
      questions: questions.map((question) => ({ ...question, level: 5 as const })),
    })),
  },
  {
    why: "a lower level",
    forged: forge(({ questions }) => ({
      questions: questions.map((question) => ({ ...question, level: "U" as const })),
    })),
  },
  {
    why: "a forged claim",
    forged: forge(({ questions }) => ({
      questions: questions.map((question) => ({ ...question, claimed: 5 as const })),
    })),
  },
  { why: "a better status", forged: forge(() => ({ status: "VALID", status_reasons: [] })) },
  { why: "a better label", forged: forge(() => ({ trust_label: "HIGH TRUST" })) },
  { why: "another agent", forged: forge(() => ({ agent: "mallory" })) },
])(
  "refuses a report with $why, although the auditor sealed it and the archive is sound",
  async ({ forged }) => {
    expect(await judge(forged)).toMatchObject({ codes: ["run/not-reproducible"], exit: 4 })
  },
)

test("refuses a report that is not the sealed one", async () => {
  expect(await judge(signed({ report: utf8("{}") }))).toMatchObject({
    codes: ["run/report-contradicted"],
    exit: 4,
  })
})

function runWith(
  write: (made: LaneFixture) => RunFixture["runOpened"],
  by: World = world,
): Promise<Uint8Array> {
  const made = new LaneFixture(by)
  recordSystem(made)
  recordSession(made, "s-0")
  return bundleOf(opened(by, made, write(made)), by)
}
/** Seals a run without scoring it, for runs that can't be scored. */
function opened(by: World, made: LaneFixture, runOpened: RunFixture["runOpened"]): BundleParts {
  const fixture = { world: by, lane: made, runOpened }
  try {
    return partsOf(fixture)
  } catch {
    const note = made.checkpoint(by.signers.ledger)
    const base = partsOf({ ...fixture, runOpened: openRun(made, "scratch") })
    const leaves = made.leaves.slice(0, -1)
    const seal = sealRun(sealOf(fixture, base.report, note), by.signers.auditor)
    const proofs = proveLeaves(
      leaves.map(({ hash }) => fromHex(hash)),
      leaves.map((_, at) => at),
    )
    const agentLeaves = leaves.filter(({ event }) => event.agent === agent).map(({ leaf }) => leaf)
    return {
      ...base,
      run_id: "run-1",
      checkpoint: note,
      seal,
      lanes: [{ ...base.lanes[0]!, agentLeaves, proofs }],
    }
  }
}
const measured = honest.run
const opening = (made: LaneFixture, change: Record<string, unknown>): RunFixture["runOpened"] =>
  made.record(
    "run_opened",
    {
      run_id: "run-1",
      agent,
      bank_sha256: measured.bank_sha256,
      window_from_ms: startMs,
      window_to_ms: made.leaves.at(-1)!.event.ts,
      heads: made.heads(),
      ...change,
    },
    { channel: "recorder" },
  )

test.each([
  {
    why: "with an unknown bank",
    bundle: runWith((made) => opening(made, { bank_sha256: "ab".repeat(32) })),
    code: "score/unknown-bank",
    exit: 3,
  },
  {
    why: "whose window ended long before (B10)",
    bundle: runWith((made) =>
      opening(made, { window_to_ms: startMs - 100_000, window_from_ms: 0 }),
    ),
    code: "run/window",
    exit: 1,
  },
  {
    why: "whose window ends after it",
    bundle: runWith((made) => opening(made, { window_to_ms: startMs + 10_000_000 })),
    code: "run/window",
    exit: 1,
  },
  {
    why: "that names a head which never was",
    bundle: runWith((made) =>
      opening(made, {
        heads: [...made.heads(), { lane: "lost", agent, aseq: 3, event_hash: "ab".repeat(32) }],
      }),
    ),
    code: "run/incomplete",
    exit: 4,
  },
  {
    why: "twice",
    bundle: runWith((made) => [opening(made, {}), opening(made, {})][1]!),
    code: "run/not-opened",
    exit: 1,
  },
])("refuses a run that was opened $why", async ({ bundle, code, exit }) => {
  const judged = await judge(bundle)
  expect(judged.codes).toContain(code)
  expect(judged.exit).toBe(exit)
})

test.each([
  {
    why: "the auditor's had ended (B12)",
    terms: { auditor: { valid_to_ms: startMs + 5 } },
    code: "bundle/key-ended",
  },
  {
    why: "the ledger's had ended (B12)",
    terms: { ledger: { valid_to_index: 3 } },
    code: "bundle/key-ended",
  },
  {
    why: "the monitor's had ended (B12)",
    terms: { monitor: { valid_to_ms: startMs + 50 } },
    code: "ledger/key-out-of-place",
  },
  {
    why: "the monitor's is of another lane",
    terms: { monitor: { lanes: ["other"] } },
    code: "ledger/key-out-of-place",
  },
])("refuses a run of whose keys $why", async ({ terms, code }) => {
  const by = makeWorld("owner", terms)
  expect(await judge(bundleOf(partsOf(makeRun(by)), by), by)).toMatchObject({
    codes: [code],
    exit: 1,
  })
})

const config = parts.configs[0]!
const unknownConfig = { path: "new.yaml", bytes: configBytes, signature: null }

test.each([
  { why: "unsigned", configs: [config, unknownConfig], code: "config/unsigned", exit: 1 },
  {
    why: "unsigned, although it was signed before",
    configs: [{ ...config, signature: null }],
    code: "config/signature-missing",
    exit: 4,
  },
  {
    why: "changed",
    configs: [{ ...config, bytes: utf8("v: 2\n") }],
    code: "config/signature-invalid",
    exit: 4,
  },
  {
    why: "signed by a stranger",
    configs: [{ ...config, signature: configSignature(mallory) }],
    code: "config/signature-invalid",
    exit: 4,
  },
  {
    why: "another signed file (S15)",
    configs: [{ ...config, signature: configSignature(world, { path: "other.yaml" }) }],
    code: "config/another-file",
    exit: 4,
  },
  {
    why: "of another workspace",
    configs: [{ ...config, signature: configSignature(world, { workspace: "other" }) }],
    code: "config/another-file",
    exit: 4,
  },
])("refuses a config that is $why", async ({ configs, code, exit }) => {
  expect(await judge(signed({ configs }))).toMatchObject({ codes: [code], exit })
})

test("refuses an older config in a later one's place (S16)", async () => {
  const made = new LaneFixture(world)
  recordSystem(made)
  made.record(
    "config_change",
    { path: configPath, sha256: "ab".repeat(32), version: 2, role: "auditor" },
    { agent: systemAgent, channel: "owner" },
  )
  const bundle = bundleOf(partsOf({ world, lane: made, runOpened: openRun(made) }), world)
  expect(await judge(bundle)).toMatchObject({ codes: ["config/superseded"], exit: 4 })
})

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
    (path) => !path.startsWith("manifest."),
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

test("proofs of a tree are not proofs of a longer one", async () => {
  const longer = makeRun(world, 3)
  const bundle = withManifestBy(world.signers.auditor, (files) =>
    files.set(
      proofsPath(laneName),
      encodeProofs(partsOf(longer).lanes[0]!.proofs.slice(0, onlyLane.proofs.length)),
    ),
  )
  expect((await judge(bundle)).codes).toContain("bundle/not-included")
})
