import { type BundledLane, encodeProofs, proofsPath } from "@amc/bundle"
import {
  encodeCheckpoint,
  fromHex,
  rootOf,
  signNote,
  systemAgent,
  treePartOf,
  utf8,
} from "@amc/core"
import { expect, test } from "vitest"
import {
  judge,
  lane,
  mallory,
  onlyLane,
  parts,
  signed,
  withLane,
  withManifestBy,
  world,
} from "./bundle-judge.fixture.ts"
import { bundleOf, makeRun, partsOf, proofsOf } from "./bundle.fixture.ts"
import { agent, recordSession } from "./lane.fixture.ts"
import { laneName, origin } from "./world.fixture.ts"

const without = <T>(list: readonly T[], at: number): T[] => list.filter((_, index) => index !== at)
const lastAgentLeaf = onlyLane.agentLeaves.length - 1
const mallorysLane = partsOf(makeRun(mallory)).lanes
const lseqsOf = (of: string): number[] => lane.slice(of).map(({ event }) => event.lseq)
const proofsWithout = (...lseqs: number[]): BundledLane["proofs"] =>
  proofsOf(
    lane,
    onlyLane.proofs.indices.filter((index) => !lseqs.includes(index)),
  )

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
    why: "proofs of other places",
    bundle: withLane({
      proofs: { ...onlyLane.proofs, indices: onlyLane.proofs.indices.map((at) => at + 1) },
    }),
    code: "bundle/not-included",
    exit: 4,
  },
  {
    why: "proofs with a hash to spare",
    bundle: withLane({ proofs: { ...onlyLane.proofs, hashes: [new Uint8Array(32)] } }),
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
    why: "L11 a checkpoint of another history of that size",
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
    agentLeaves: more.lane.slice(agent),
    systemLeaves: before.lanes[0]!.systemLeaves,
    proofs: proofsOf(
      more.lane,
      leaves.map((_, at) => at),
    ),
  }
  expect(await judge(bundleOf({ ...partsOf(more), lanes: [later] }, more.world))).toMatchObject({
    codes: ["bundle/beyond-run"],
    exit: 1,
  })
})

test("L13 refuses a tree that has the lane's events at other places than the lane does", async () => {
  const hashes = [new Uint8Array(32), ...lane.leaves.map(({ hash }) => fromHex(hash))]
  const shifted = signNote(
    encodeCheckpoint({ origin, size: hashes.length, root: rootOf(hashes) }),
    origin,
    world.signers.ledger,
  )
  const proofs = treePartOf(hashes, { indices: lane.leaves.map((_, at) => at + 1), sizes: [] })
  const judged = await judge(signed({ checkpoint: shifted, lanes: [{ ...onlyLane, proofs }] }))
  expect(judged).toMatchObject({ codes: ["bundle/not-included"], exit: 4 })
})

test("L13 refuses a lane whose ends are in the tree and one event in the middle is not", async () => {
  const hashes = lane.leaves.map(({ hash }) => fromHex(hash))
  const faked = hashes.with(3, new Uint8Array(32))
  const fork = signNote(
    encodeCheckpoint({ origin, size: faked.length, root: rootOf(faked) }),
    origin,
    world.signers.ledger,
  )
  const proofs = treePartOf(faked, { indices: lane.leaves.map((_, at) => at), sizes: [] })
  const judged = await judge(signed({ checkpoint: fork, lanes: [{ ...onlyLane, proofs }] }))
  expect(judged).toMatchObject({ codes: ["bundle/not-included"], exit: 4 })
})

test("proofs of a tree are not proofs of a longer one", async () => {
  const longer = makeRun(world, 3)
  const bundle = withManifestBy(world.signers.auditor, (files) =>
    files.set(proofsPath(laneName), encodeProofs(proofsOf(longer.lane, onlyLane.proofs.indices))),
  )
  expect((await judge(bundle)).codes).toContain("bundle/not-included")
})
