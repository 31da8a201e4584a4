import type { BundleParts } from "@amc/bundle"
import {
  fromHex,
  type RunSeal,
  sealRun,
  sha256Hex,
  type Signer,
  systemAgent,
  treePartOf,
  utf8,
} from "@amc/core"
import { encodeReport, parseReport, type Report } from "@amc/score"
import { expect, test } from "vitest"
import { judge, mallory, parts, run, signed, world } from "./bundle-judge.fixture.ts"
import {
  bundleOf,
  configSignature,
  dayMs,
  makeRun,
  openRun,
  partsOf,
  recordSystem,
  type RunFixture,
  sealOf,
} from "./bundle.fixture.ts"
import { agent, LaneFixture, recordSession } from "./lane.fixture.ts"
import { makeWorld, startMs, type World } from "./world.fixture.ts"

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
    const proofs = treePartOf(
      leaves.map(({ hash }) => fromHex(hash)),
      { indices: leaves.map((_, at) => at), sizes: [] },
    )
    const agentLeaves = leaves.filter(({ event }) => event.agent === agent)
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
const opening = (made: LaneFixture, change: Record<string, unknown>): RunFixture["runOpened"] => {
  const { ts } = made.leaves.at(-1)!.event
  return made.record("run_opened", {
    run_id: "run-1",
    agent,
    bank_sha256: measured.bank_sha256,
    window_from_ms: ts - dayMs,
    window_to_ms: ts,
    heads: made.heads(),
    ...change,
  })
}

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
      opening(made, { window_to_ms: startMs - 100_000, window_from_ms: startMs - 100_000 - dayMs }),
    ),
    code: "run/window",
    exit: 1,
  },
  {
    why: "whose window ends after it",
    bundle: runWith((made) =>
      opening(made, { window_to_ms: startMs + dayMs, window_from_ms: startMs }),
    ),
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
    why: "with a window that begins after the bad session (B10)",
    bundle: runWith((made) => opening(made, { window_from_ms: made.leaves.at(-3)!.event.ts })),
    code: "run/window",
    exit: 1,
  },
  {
    why: "with a window that ends before it begins",
    bundle: runWith((made) => opening(made, { window_from_ms: startMs + 2 * dayMs })),
    code: "run/window",
    exit: 1,
  },
  {
    why: "with a window of a day and a bit",
    bundle: runWith((made) =>
      opening(made, { window_from_ms: made.leaves.at(-1)!.event.ts - dayMs - 1 }),
    ),
    code: "run/window",
    exit: 1,
  },
  {
    why: "with an empty window",
    bundle: runWith((made) => opening(made, { window_from_ms: made.leaves.at(-1)!.event.ts })),
    code: "run/window",
    exit: 1,
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
    why: "the auditor's had ended (S06)",
    terms: { auditor: { valid_to_ms: startMs + 5 } },
    code: "trust/key-out-of-place",
  },
  {
    why: "the ledger's had ended (S06)",
    terms: { ledger: { valid_to_index: 3 } },
    code: "trust/key-out-of-place",
  },
  {
    why: "the monitor's had ended (S06)",
    terms: { monitor: { valid_to_ms: startMs + 50 } },
    code: "trust/key-out-of-place",
  },
  {
    why: "the monitor's is of another lane",
    terms: { monitor: { lanes: ["other"] } },
    code: "trust/key-out-of-place",
  },
])("refuses a run of whose keys $why", async ({ terms, code }) => {
  const by = makeWorld("owner", terms)
  expect(await judge(bundleOf(partsOf(makeRun(by)), by), by)).toMatchObject({
    codes: [code],
    exit: 1,
  })
})

type Heads = ReturnType<LaneFixture["heads"]>
const headOf = (made: LaneFixture, of: string, aseq: number): Heads[number] => {
  const { hash, event } = made.slice(of)[aseq]!
  return { lane: event.lane, agent: of, aseq, event_hash: hash }
}

const withViolation = (): LaneFixture => {
  const made = new LaneFixture(world)
  recordSystem(made)
  made.record(
    "audit",
    { code: "TRUST_BOUNDARY_VIOLATED", subject: "keys", detail: "" },
    { agent: systemAgent },
  )
  recordSession(made, "s-0")
  return made
}
const judgeRun = (made: LaneFixture, runId: string, heads: Heads): ReturnType<typeof judge> =>
  judge(bundleOf(partsOf({ world, lane: made, runOpened: openRun(made, runId, heads) }), world))

test.each([
  { why: "without the system's head", heads: (made: LaneFixture) => [made.heads()[0]!] },
  {
    why: "with one chain named twice",
    heads: (made: LaneFixture) => [headOf(made, systemAgent, 0), ...made.heads()],
  },
  {
    why: "after a head of the agent before its last",
    heads: (made: LaneFixture) => [
      headOf(made, agent, made.slice(agent).length - 2),
      made.heads()[1]!,
    ],
  },
  { why: "without the agent's head", heads: (made: LaneFixture) => [made.heads()[1]!] },
])("refuses a run that was opened $why, by all the owner's keys (B10)", async ({ heads }) => {
  const made = withViolation()
  expect(await judgeRun(made, "run-1", heads(made))).toMatchObject({
    codes: ["run/heads"],
    exit: 4,
  })
})

test("refuses a run that was opened after less of the system's chain than a run before it (B10)", async () => {
  const made = withViolation()
  expect(await judgeRun(made, "run-1", made.heads())).toMatchObject({ codes: [], exit: 0 })
  recordSession(made, "s-1")
  const heads = [made.heads()[0]!, headOf(made, systemAgent, 1)]
  expect(await judgeRun(made, "run-2", heads)).toMatchObject({ codes: ["run/heads"], exit: 4 })
})

test("accepts the run of an agent that has only its opening", async () => {
  const made = new LaneFixture(world)
  recordSystem(made)
  const only = { world, lane: made, runOpened: openRun(made) }
  expect(await judge(bundleOf(partsOf(only), world))).toMatchObject({ codes: [], exit: 0 })
})
