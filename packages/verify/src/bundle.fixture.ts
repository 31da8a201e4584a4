import { buildBundle, type BundleParts } from "@amc/bundle"
import {
  encodeEnvelope,
  encodeStatement,
  type EventPayload,
  fromHex,
  parseCheckpoint,
  parseNote,
  type RunSeal,
  sealRun,
  sha256Hex,
  signBundleManifest,
  signBundleSums,
  signedFilePredicateType,
  type SignedFileTerms,
  signEnvelope,
  signFile,
  STATEMENT_PAYLOAD_TYPE,
  systemAgent,
  toHex,
  type TreePart,
  treePartOf,
  utf8,
  type SignedLeaf,
} from "@amc/core"
import { currentBank, bankSha256, encodeReport, engine, scoreRun } from "@amc/score"
import { agent, LaneFixture, type RecordedLeaf, recordSession } from "./lane.fixture.ts"
import { makeWorld, origin, startMs, workspace, type World } from "./world.fixture.ts"

export const dayMs = 86_400_000
export const configPath = "gateway.yaml"
export const configBytes: Uint8Array = utf8("v: 1\nproviders: []\n")

/** A workspace with a ledger and one run in it, before anything is bundled. */
export interface RunFixture {
  readonly world: World
  readonly lane: LaneFixture
  readonly runOpened: LaneFixture["leaves"][number]
}

/** A ledger with configs, sessions and the opening of a run. */
export function makeRun(world: World = makeWorld(), sessions = 2, runId = "run-1"): RunFixture {
  const lane = new LaneFixture(world)
  recordSystem(lane)
  for (let session = 0; session < sessions; session++) recordSession(lane, `s-${session}`)
  return { world, lane, runOpened: openRun(lane, runId) }
}

export function recordSystem(lane: LaneFixture): void {
  const { key } = lane.signer
  lane.record(
    "key_change",
    { kid: key.kid, role: "monitor", action: "enrolled", from_ms: startMs },
    { agent: systemAgent },
  )
  recordChange(lane, { path: configPath, sha256: sha256Hex(configBytes), version: 1 })
}

/** What a `config_change` event says, and the envelope that it holds. */
export interface Change {
  readonly path: string
  readonly sha256: string
  readonly version: number
  /** The lane's own auditor's signature of just this, if left out. */
  readonly envelope?: Uint8Array | null
}

/** Records that a config file is in force, as the monitor does. */
export function recordChange(lane: LaneFixture, { envelope, ...change }: Change): void {
  const { path, sha256, version } = change
  const own = envelope === undefined ? changeEnvelope(lane.world, change) : envelope
  if (own !== null) lane.changes.set(sha256Hex(own), own)
  lane.record(
    "config_change",
    { path, sha256, version, role: "auditor" },
    { agent: systemAgent, ...(own === null ? {} : { payload: payloadOf(own) }) },
  )
}

/** What the auditor signs of a file of this digest. */
export function changeEnvelope(
  { signers }: World,
  {
    sha256,
    ...terms
  }: { path: string; sha256: string; version: number } & Partial<SignedFileTerms>,
): Uint8Array {
  const predicate = {
    workspace,
    previous_sha256: null,
    expires_ms: null,
    role: "auditor",
    ...terms,
  } as const
  const payload = encodeStatement({
    subject: [{ name: terms.path, sha256hex: sha256 }],
    predicateType: signedFilePredicateType,
    predicate,
  })
  return encodeEnvelope(signEnvelope(STATEMENT_PAYLOAD_TYPE, payload, [signers.auditor]))
}

function payloadOf(bytes: Uint8Array): EventPayload {
  const sha256 = sha256Hex(bytes)
  const media = "application/vnd.dsse.envelope.v1+json"
  return { sha256, size: bytes.length, media, blob_sha256: sha256 }
}

export function openRun(
  lane: LaneFixture,
  runId = "run-1",
  heads: ReturnType<LaneFixture["heads"]> = lane.heads(),
  windowMs: number = 14 * dayMs,
): LaneFixture["leaves"][number] {
  const now = (lane.leaves.at(-1)?.event.ts ?? startMs) + 10
  const measured = {
    run_id: runId,
    agent,
    bank_sha256: bankSha256(currentBank),
    window_from_ms: now - windowMs,
    window_to_ms: now,
    heads,
  }
  return lane.record("run_opened", measured)
}

/** The leaves that the opening of a run names: what whoever wrote it would show. */
function sliceOf({ lane, runOpened }: RunFixture): readonly RecordedLeaf[] {
  if (runOpened.event.type !== "run_opened") throw new Error("not the opening of a run")
  const { heads } = runOpened.event.facts.measured
  const ofSystem = heads.findLast((head) => head.agent === systemAgent)?.aseq ?? -1
  return lane.leaves.filter(({ event }) =>
    event.agent === systemAgent
      ? event.aseq <= ofSystem
      : event.agent === agent && event.lseq <= runOpened.event.lseq,
  )
}

/** The report that the engine gives for a run. */
export function reportOf(run: RunFixture): Uint8Array {
  return encodeReport(scoreRun({ events: sliceOf(run), runOpened: run.runOpened.hash }))
}

/** What an honest auditor says of a run and its report. */
export function sealOf({ runOpened }: RunFixture, report: Uint8Array, note: string): RunSeal {
  if (runOpened.event.type !== "run_opened") throw new Error("not the opening of a run")
  const { run_id, bank_sha256, window_from_ms, window_to_ms, heads } =
    runOpened.event.facts.measured
  const { size, root } = parseCheckpoint(parseNote(note).text)
  return {
    reportSha256: sha256Hex(report),
    run: {
      run_id,
      workspace,
      agent: runOpened.event.agent,
      engine,
      bank_sha256,
      window: { from_ms: window_from_ms, to_ms: window_to_ms },
      checkpoint: { origin, size, root_sha256: toHex(root) },
      heads,
    },
  }
}

/** All parts of an honest bundle of a run, which tells of these earlier trees. */
export function partsOf(run: RunFixture, sizes: readonly number[] = []): BundleParts {
  const { world, lane, runOpened } = run
  const note = lane.checkpoint(world.signers.ledger)
  const report = reportOf(run)
  const leaves = sliceOf(run)
  const leavesOf = (of: string): SignedLeaf[] => leaves.filter(({ event }) => event.agent === of)
  return {
    workspace,
    origin,
    agent,
    run_id: sealOf(run, report, note).run.run_id,
    checkpoint: note,
    lanes: [
      {
        lane: runOpened.event.lane,
        agentLeaves: leavesOf(agent),
        systemLeaves: leavesOf(systemAgent),
        proofs: proofsOf(
          lane,
          leaves.map(({ event }) => event.lseq),
          sizes,
        ),
      },
    ],
    report,
    seal: sealRun(sealOf(run, report, note), world.signers.auditor),
    roots: [world.rootBytes],
    revocations: world.revocations,
    keys: world.certificates,
    configs: [{ path: configPath, bytes: configBytes, signature: configSignature(world) }],
    policies: [],
    attestations: [],
    payloads: null,
    changes: [
      ...new Set(
        leaves.flatMap(({ event }) => lane.changes.get(event.payload?.blob_sha256 ?? "") ?? []),
      ),
    ],
  }
}

/** The part of a lane's tree that has these leaves. */
export function proofsOf(
  { leaves }: LaneFixture,
  lseqs: readonly number[],
  sizes: readonly number[] = [],
): TreePart {
  const indices = lseqs.toSorted((a, b) => a - b)
  return treePartOf(
    leaves.map(({ hash }) => fromHex(hash)),
    { indices, sizes },
  )
}

export function configSignature(
  world: World,
  terms: { path?: string; version?: number; workspace?: string } = {},
  bytes: Uint8Array = configBytes,
): Uint8Array {
  const all = {
    path: configPath,
    workspace,
    version: 1,
    previous_sha256: null,
    expires_ms: null,
    role: "auditor",
    ...terms,
  } as const
  return signFile(bytes, all, world.signers.auditor)
}

/** Builds a bundle that the world's auditor and its release key sign. */
export function bundleOf(
  parts: BundleParts,
  { signers: { auditor, release } }: Pick<World, "signers">,
): Promise<Uint8Array> {
  return buildBundle(parts, {
    manifest: (bytes) => signBundleManifest(bytes, auditor),
    sums: (bytes) => signBundleSums(bytes, release),
  })
}
