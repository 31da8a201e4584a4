import {
  AmcError,
  canonicalize,
  encodeCheckpoint,
  type EventPayload,
  fromHex,
  sealRun,
  sha256Hex,
  type SignedLeaf,
  signNote,
  systemAgent,
  text,
  utf8,
} from "@amc/core"
import { expect, test } from "vitest"
import {
  changeEnvelope,
  configBytes,
  configPath,
  configSignature,
  makeRun,
  openRun,
  partsOf,
  recordChange,
  reportOf,
  sealOf,
} from "./bundle.fixture.ts"
import { exitOf } from "./exit.ts"
import {
  agent,
  type LaneFixture,
  recordCall,
  recordSession,
  type RecordedLeaf,
} from "./lane.fixture.ts"
import { verifyLedger } from "./ledger.ts"
import type { ConfigFile } from "./config-check.ts"
import type { LedgerRow, LedgerSource } from "./ledger-source.ts"
import { laneName, makeWorld, origin, startMs } from "./world.fixture.ts"

const world = makeWorld()
const mallory = makeWorld("mallory")
const terms = { keyring: world.keyring, origin, atMs: startMs + 1_000_000 }
const blob = utf8("what the agent printed")
const payload: EventPayload = {
  sha256: sha256Hex(blob),
  size: blob.length,
  media: "text/plain",
  blob_sha256: sha256Hex(blob),
}

function makeLedger(): { lane: LaneFixture; seal: Uint8Array; notes: string[] } {
  const run = makeRun(world)
  const { lane } = run
  const note = lane.checkpoint(world.signers.ledger)
  const sealed = sealOf(run, reportOf(run), note)
  const seal = sealRun(sealed, world.signers.auditor)
  lane.record(
    "run_sealed",
    {
      run_id: sealed.run.run_id,
      agent,
      report_sha256: sealed.reportSha256,
      statement_sha256: sha256Hex(seal),
      kid: world.signers.auditor.key.kid,
    },
    {
      payload: {
        sha256: sha256Hex(seal),
        size: seal.length,
        media: "application/json",
        blob_sha256: sha256Hex(seal),
      },
    },
  )
  recordSession(lane, "s-next", false)
  lane.record(
    "agent_stdout",
    { offset: 0, bytes: blob.length, stored: true, secrets_found: 0 },
    { session: "s-next", payload },
  )
  const notes = [
    signNote(
      encodeCheckpoint({ origin, size: 0, root: lane.tree(0).root() }),
      origin,
      world.signers.ledger,
    ),
    note,
  ]
  return { lane, seal, notes: [...notes, lane.checkpoint(world.signers.ledger)] }
}

const { lane, seal, notes } = makeLedger()
const changeBlobs = [...lane.changes].map(([sha256, bytes]) => [sha256, bytes] as const)
const rows: readonly LedgerRow[] = lane.leaves.map(rowOf)

function rowOf({ leaf, signature, hash, event }: RecordedLeaf): LedgerRow {
  const { lseq, agent, aseq, session, type, ts, id } = event
  return { leaf, signature, leafHash: fromHex(hash), lseq, agent, aseq, session, type, ts, id }
}

const bare = ({ leaf, signature }: SignedLeaf): LedgerRow => ({ leaf, signature })

interface Parts {
  readonly rows: readonly LedgerRow[]
  readonly notes: readonly string[]
  readonly blobs: readonly (readonly [string, Uint8Array])[]
  readonly configs: readonly ConfigFile[]
}
const honest: Parts = {
  rows,
  notes,
  blobs: [[sha256Hex(blob), blob], [sha256Hex(seal), seal], ...changeBlobs],
  configs: [{ path: configPath, bytes: configBytes, signature: configSignature(world) }],
}

function sourceOf(change: Partial<Parts>): LedgerSource {
  const parts = { ...honest, ...change }
  const blobs = new Map(parts.blobs)
  return {
    lanes: async () => [laneName],
    async *leaves() {
      yield* parts.rows
    },
    blob: async (sha256) => blobs.get(sha256) ?? null,
    checkpoints: async () => parts.notes,
    configs: async () => parts.configs,
  }
}

test("accepts an honest ledger with a run, a session under way and checkpoints, and says what it holds", async () => {
  expect(await verifyLedger(sourceOf({}), terms)).toMatchObject({
    accepted: true,
    value: {
      events: rows.length,
      lanes: [{ lane: laneName, events: rows.length, sessions: { open: 1, sealed: 2 } }],
      checkpoints: 3,
      covered: rows.length,
      blobs: 3,
      configs: 1,
    },
  })
})

test("accepts an empty ledger, a ledger without columns, and one that grew since its last checkpoint", async () => {
  const empty = await verifyLedger(
    sourceOf({ rows: [], notes: notes.slice(0, 1), configs: [] }),
    terms,
  )
  expect(empty).toMatchObject({ accepted: true, value: { events: 0, covered: 0 } })
  expect(
    (await verifyLedger(sourceOf({ rows: rows.map(bare), notes: notes.slice(0, 2) }), terms))
      .accepted,
  ).toBe(true)
})

test("has no false alarm on a ledger that crashed and recovered", async () => {
  const recovered = makeRun(world).lane
  recordSession(recovered, "s-cut", false, 0)
  recordCall(recovered, "s-cut", 0)
  const answer = recovered.leaves.pop()!.event
  if (answer.type !== "llm_response") throw new Error("a call ends with its response")
  recovered.record(
    "llm_response",
    { ...answer.facts.measured, status: 0, from_upstream: false, completeness: "crashed" },
    { session: "s-cut", channel: "recorder" },
    answer.facts.reported,
  )
  recovered.record(
    "gap",
    { reason: "crash", open_calls: 1, open_sessions: 1, last_ts: startMs },
    { agent: systemAgent, channel: "recorder" },
  )
  const events = recovered.leaves.filter(({ event }) => event.session === "s-cut")
  const measured = {
    first_aseq: events[0]!.event.aseq,
    last_aseq: events.at(-1)!.event.aseq,
    events: events.length,
    last_event_hash: events.at(-1)!.hash,
  }
  recovered.record(
    "session_seal",
    { reason: "recovered", posture: "shared", hardened: false, ...measured },
    { session: "s-cut", channel: "recorder" },
  )
  const recoveredRows = recovered.leaves.map(rowOf)
  expect(
    await verifyLedger(
      sourceOf({ rows: recoveredRows, notes: [recovered.checkpoint(world.signers.ledger)] }),
      terms,
    ),
  ).toMatchObject({ accepted: true })
})

const flip = (bytes: Uint8Array): Uint8Array => bytes.with(bytes.length - 3, bytes.at(-3)! ^ 1)
const column = (change: Partial<LedgerRow>): Partial<Parts> => ({
  rows: rows.with(4, { ...rows[4]!, ...change }),
})
const note = (size: number, by = world): string => lane.checkpoint(by.signers.ledger, size)

test.each([
  {
    why: "L01 a changed event",
    change: column({ leaf: flip(rows[4]!.leaf) }),
    code: "ledger/signature-invalid",
    subject: `event 4 of lane ${laneName}`,
    exit: 4,
  },
  {
    why: "L02 a deleted event",
    change: { rows: rows.toSpliced(4, 1) },
    code: "ledger/lane-broken",
    subject: `event 4 of lane ${laneName}`,
    exit: 4,
  },
  {
    why: "L03 events deleted from the end",
    change: { rows: rows.slice(0, -2) },
    code: "ledger/truncated",
    subject: "checkpoint 2",
    exit: 4,
  },
  {
    why: "all events deleted",
    change: { rows: [] },
    code: "ledger/truncated",
    subject: "checkpoint 1",
    exit: 4,
  },
  {
    why: "L26 another agent in a column",
    change: column({ agent: "mallory" }),
    code: "ledger/column-contradicted",
    subject: `event 4 of lane ${laneName}`,
    exit: 4,
  },
  {
    why: "L26 another type in a column",
    change: column({ type: "gap" }),
    code: "ledger/column-contradicted",
    subject: `event 4 of lane ${laneName}`,
    exit: 4,
  },
  {
    why: "L26 no session in a column",
    change: column({ session: null }),
    code: "ledger/column-contradicted",
    subject: `event 4 of lane ${laneName}`,
    exit: 4,
  },
  {
    why: "L26 another leaf hash in a column",
    change: column({ leafHash: new Uint8Array(32) }),
    code: "ledger/column-contradicted",
    subject: `event 4 of lane ${laneName}`,
    exit: 4,
  },
  {
    why: "L28 a missing payload",
    change: { blobs: honest.blobs.slice(1) },
    code: "ledger/blob-missing",
    subject: `event ${rows.length - 1} of lane ${laneName}`,
    exit: 4,
  },
  {
    why: "L28 another payload",
    change: { blobs: [[sha256Hex(blob), flip(blob)] as const, ...honest.blobs.slice(1)] },
    code: "ledger/blob-contradicted",
    subject: `event ${rows.length - 1} of lane ${laneName}`,
    exit: 4,
  },
  {
    why: "L11 a checkpoint over another history",
    change: { notes: [makeRun(mallory).lane.checkpoint(world.signers.ledger)] },
    code: "ledger/tree-contradicted",
    subject: "checkpoint 0",
    exit: 4,
  },
  {
    why: "L10 checkpoints out of order",
    change: { notes: [note(9), note(3)] },
    code: "ledger/checkpoint-order",
    subject: "checkpoint 1",
    exit: 4,
  },
  {
    why: "a checkpoint by a stranger",
    change: { notes: [note(9, mallory)] },
    code: "ledger/checkpoint",
    subject: "checkpoint 0",
    exit: 1,
  },
  {
    why: "a changed checkpoint",
    change: { notes: [note(9).replace("\n9\n", "\n8\n")] },
    code: "ledger/checkpoint",
    subject: "checkpoint 0",
    exit: 4,
  },
  {
    why: "a checkpoint that is none",
    change: { notes: ["", note(9)] },
    code: "ledger/checkpoint",
    subject: "checkpoint 0",
    exit: 1,
  },
  {
    why: "an unsigned config",
    change: {
      configs: [...honest.configs, { path: "new.yaml", bytes: configBytes, signature: null }],
    },
    code: "config/unsigned",
    subject: "new.yaml",
    exit: 1,
  },
  {
    why: "a config that was deleted with its signature",
    change: { configs: [] },
    code: "config/missing",
    subject: configPath,
    exit: 4,
  },
  {
    why: "a row of a kind of leaf that there never was, with another type in its column",
    change: column({ leaf: utf8(`amc-leaf/v2\n${"0".repeat(300)}`), type: "gap" }),
    code: "ledger/leaf-malformed",
    subject: `event 4 of lane ${laneName}`,
    exit: 4,
  },
  {
    why: "a config that lost its signature",
    change: { configs: [{ path: configPath, bytes: configBytes, signature: null }] },
    code: "config/signature-missing",
    subject: configPath,
    exit: 4,
  },
  {
    why: "a changed config",
    change: {
      configs: [{ path: configPath, bytes: flip(configBytes), signature: configSignature(world) }],
    },
    code: "config/signature-invalid",
    subject: configPath,
    exit: 4,
  },
])("$why is found, and where", async ({ change, code, subject, exit }) => {
  const verdict = await verifyLedger(sourceOf(change), terms)
  expect(verdict).toMatchObject({
    accepted: false,
    findings: expect.arrayContaining([expect.objectContaining({ code, subject })]),
  })
  expect(exitOf(verdict)).toBe(exit)
})

test("L09 finds a rewritten history, signed with the stolen monitor key, by an older checkpoint", async () => {
  const rewritten = makeRun(world, 3).lane
  const verdict = await verifyLedger(
    sourceOf({
      rows: rewritten.leaves.map(rowOf),
      notes: notes.slice(0, 2),
    }),
    terms,
  )
  expect(verdict).toMatchObject({
    findings: [{ code: "ledger/tree-contradicted", subject: "checkpoint 1", tampered: true }],
  })
})

test("finds the ledger of another owner, and one of another name", async () => {
  const theirs = makeRun(mallory).lane
  const verdict = await verifyLedger(
    sourceOf({ rows: theirs.leaves.map(bare), notes: [], configs: [] }),
    terms,
  )
  expect(verdict).toMatchObject({
    accepted: false,
    findings: expect.arrayContaining([expect.objectContaining({ code: "ledger/unknown-key" })]),
  })
  expect(await verifyLedger(sourceOf({}), { ...terms, origin: "demo/other" })).toMatchObject({
    accepted: false,
  })
})

test("finds a run's seal that the auditor did not sign or that is another run's", async () => {
  const event = lane.leaves.find(({ event }) => event.type === "run_sealed")!
  const sealedWith = async (bytes: Uint8Array): Promise<unknown> => {
    const made = makeRun(world).lane
    if (event.event.type !== "run_sealed") throw new Error("not a seal")
    made.record("run_sealed", event.event.facts.measured, {
      payload: {
        sha256: sha256Hex(bytes),
        size: bytes.length,
        media: "application/json",
        blob_sha256: sha256Hex(bytes),
      },
    })
    return verifyLedger(
      sourceOf({
        rows: made.leaves.map(bare),
        notes: [],
        blobs: [[sha256Hex(bytes), bytes], ...changeBlobs],
      }),
      terms,
    )
  }
  const other = makeRun(world)
  const another = partsOf({ ...other, runOpened: openRun(other.lane, "run-2") }).seal
  const forged = partsOf(makeRun(mallory)).seal
  expect(await sealedWith(seal)).toMatchObject({ accepted: true })
  expect(await sealedWith(another)).toMatchObject({
    findings: [{ code: "ledger/run-seal", tampered: true }],
  })
  expect(await sealedWith(forged)).toMatchObject({
    findings: [{ code: "ledger/run-seal", tampered: false }],
  })
  expect(await sealedWith(canonicalize({}))).toMatchObject({
    findings: [{ code: "ledger/run-seal", tampered: false }],
  })
})

test("finds a sealed run without the auditor's seal", async () => {
  const made = makeRun(world).lane
  made.record("run_sealed", {
    run_id: "run-1",
    agent,
    report_sha256: "ab".repeat(32),
    statement_sha256: "ab".repeat(32),
    kid: world.signers.auditor.key.kid,
  })
  const verdict = await verifyLedger(sourceOf({ rows: made.leaves.map(bare), notes: [] }), terms)
  expect(verdict).toMatchObject({ findings: [{ code: "ledger/run-seal", tampered: false }] })
})

test("a damaged payload is a finding, and a store that can't be read is a fault", async () => {
  const failing = (code: "store/damaged" | "store/unavailable"): LedgerSource => ({
    ...sourceOf({}),
    blob: async () => {
      throw new AmcError(code, "no")
    },
  })
  expect(await verifyLedger(failing("store/damaged"), terms)).toMatchObject({
    accepted: false,
    findings: expect.arrayContaining([
      expect.objectContaining({ code: "ledger/blob-contradicted" }),
    ]),
  })
  await expect(verifyLedger(failing("store/unavailable"), terms)).rejects.toThrow(
    expect.objectContaining({ code: "store/unavailable" }),
  )
})

/** The honest ledger with a lane beside its own, of the same events. */
function withLane(source: LedgerSource, lane: string): LedgerSource {
  return {
    ...source,
    lanes: async () => [lane, laneName].sort(),
    leaves: (name) => source.leaves(name === lane ? laneName : name),
  }
}

test("says that it can't check the tree of several lanes", async () => {
  const { keyring } = makeWorld("owner", { monitor: { lanes: [laneName, "z"] } })
  const source = { ...withLane(sourceOf({}), "z"), leaves: async function* () {} }
  const verdict = await verifyLedger(source, { ...terms, keyring })
  expect(verdict).toMatchObject({ findings: [{ code: "input/unsupported-version" }] })
  expect(exitOf(verdict)).toBe(3)
})

test.each([{ lane: "a" }, { lane: "z" }])(
  "a lane $lane that no monitor's key is certified for is found, and hides nothing (L14)",
  async ({ lane }) => {
    const stray = await verifyLedger(withLane(sourceOf({}), lane), terms)
    expect(exitOf(stray)).toBe(4)
    expect(stray).toMatchObject({
      findings: expect.arrayContaining([
        expect.objectContaining({ code: "ledger/foreign-lane", subject: `lane ${lane}` }),
      ]) as unknown,
    })
    const cut = withLane(sourceOf({ rows: rows.slice(0, -1) }), lane)
    expect(await verifyLedger(cut, terms)).toMatchObject({
      findings: expect.arrayContaining([
        expect.objectContaining({ code: "ledger/truncated", subject: "checkpoint 2" }),
      ]) as unknown,
    })
  },
)

test.each([
  { why: "an older version", version: 1, sha256: sha256Hex(configBytes), isFound: true },
  { why: "the same version of other bytes", version: 2, sha256: "cd".repeat(32), isFound: true },
  { why: "the same change again", version: 2, sha256: "ab".repeat(32), isFound: false },
])(
  "a config that the monitor alone puts in force after version 2 does not count: $why",
  async ({ version, sha256, isFound }) => {
    const made = makeRun(world).lane
    for (const change of [
      { version: 2, sha256: "ab".repeat(32) },
      { version, sha256 },
    ])
      recordChange(made, { path: configPath, ...change })
    const verdict = await judgeLane(made)
    const found = verdict.accepted ? [] : verdict.findings.map(({ code }) => code)
    expect(found).toEqual([...(isFound ? ["config/rolled-back"] : []), "config/superseded"])
    expect(exitOf(verdict)).toBe(4)
  },
)

const judgeLane = (made: LaneFixture): ReturnType<typeof verifyLedger> => {
  const blobs = [...made.changes].map(([sha256, bytes]) => [sha256, bytes] as const)
  return verifyLedger(sourceOf({ rows: made.leaves.map(bare), notes: [], blobs }), terms)
}
const next = { path: configPath, sha256: "ab".repeat(32), version: 2 }

test.each([
  { why: "nothing of the auditor's", envelope: null, exit: 1 },
  { why: "a stranger's signature", envelope: changeEnvelope(mallory, next), exit: 1 },
  {
    why: "a signature that does not fit",
    envelope: utf8(
      text(changeEnvelope(world, next)).replace(
        /"sig":"(.)/,
        (_, c) => `"sig":"${c === "A" ? "B" : "A"}`,
      ),
    ),
    exit: 4,
  },
  { why: "no envelope", envelope: utf8("{}"), exit: 1 },
  {
    why: "what was signed of other bytes",
    envelope: changeEnvelope(world, { ...next, sha256: "cd".repeat(32) }),
    exit: 4,
  },
  {
    why: "what was signed of another file",
    envelope: changeEnvelope(world, { ...next, path: "fleet.yaml" }),
    exit: 4,
  },
  {
    why: "what was signed as another version",
    envelope: changeEnvelope(world, { ...next, version: 3 }),
    exit: 4,
  },
  {
    why: "what was signed for another workspace",
    envelope: changeEnvelope(world, { ...next, workspace: "other" }),
    exit: 4,
  },
  {
    why: "what had expired by then",
    envelope: changeEnvelope(world, { ...next, expires_ms: startMs }),
    exit: 1,
  },
  { why: "the seal of a run", envelope: seal, exit: 1 },
])(
  "a change of a config that holds $why is found and puts nothing in force",
  async ({ envelope, exit }) => {
    const made = makeRun(world).lane
    recordChange(made, { ...next, envelope })
    const verdict = await judgeLane(made)
    const found = verdict.accepted ? [] : verdict.findings
    expect(found.map(({ code, subject }) => [code, subject])).toEqual([
      ["ledger/config-change", `event ${made.leaves.length - 1} of lane ${laneName}`],
    ])
    expect(exitOf(verdict)).toBe(exit)
  },
)

test("a signature that two changes hold is read for each of them", async () => {
  const made = makeRun(world).lane
  const envelope = changeEnvelope(world, { ...next, version: 1, sha256: sha256Hex(configBytes) })
  recordChange(made, { ...next, envelope })
  expect(await judgeLane(made)).toMatchObject({ findings: [{ code: "ledger/config-change" }] })
})

test("asks for the configs after the events that name them", async () => {
  const asked: string[] = []
  const source = sourceOf({})
  await verifyLedger(
    {
      ...source,
      async *leaves(lane) {
        yield* source.leaves(lane)
        asked.push("leaves")
      },
      configs: () => {
        asked.push("configs")
        return source.configs()
      },
    },
    terms,
  )
  expect(asked).toEqual(["leaves", "configs"])
})
