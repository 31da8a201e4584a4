import {
  type CheckpointPin,
  consistencyPath,
  encodeAddCheckpoint,
  fromHex,
  toHex,
  utf8,
} from "@amc/core"
import { expect, test } from "vitest"
import { good, judge, lane, world } from "./bundle-judge.fixture.ts"
import { bundleOf, makeRun, openRun, partsOf } from "./bundle.fixture.ts"
import { pinsOf, verifyBundle } from "./bundle.ts"
import type { KnownTrust } from "./known-trust.ts"
import { type LaneFixture, recordSession } from "./lane.fixture.ts"
import { startMs } from "./world.fixture.ts"

const size = lane.leaves.length

function known(pins: readonly CheckpointPin[]): KnownTrust {
  return { roots: [world.rootBytes], revocations: world.revocations, pins }
}

function pinAt(at: number, of: LaneFixture = lane): CheckpointPin {
  return { size: at, root_sha256: toHex(of.tree(at).root()), seen_ms: startMs }
}

const forged = (pin: CheckpointPin): CheckpointPin => ({ ...pin, root_sha256: "cd".repeat(32) })

test("a later tree must extend every tree that was seen and that its evidence tells of (L12)", async () => {
  const pins = lane.leaves.map((_, at) => pinAt(at + 1))
  expect(await judge(good, world, known(pins))).toMatchObject({
    codes: [],
    verdict: { value: { summary: { checkpoints: { seen: size, extended: size } } } },
  })
  for (const at of pins.keys())
    expect(await judge(good, world, known(pins.with(at, forged(pins[at]!))))).toMatchObject({
      codes: ["ledger/forked"],
      exit: 4,
    })
})

/** The steps of a lane that several agents write, each with the bundle of a run that is made then. */
async function bundles(): Promise<{
  lane: LaneFixture
  early: Uint8Array
  late: Uint8Array
  mute: Uint8Array
  sizes: readonly [number, number, number]
}> {
  const first = makeRun(world)
  recordOther(first.lane, 5)
  const [one, early] = [first.lane.leaves.length, await bundleOf(partsOf(first), world)]
  recordSession(first.lane, "s-later")
  recordOther(first.lane, 5)
  const between = first.lane.leaves.length
  recordOther(first.lane, 5)
  const second = { ...first, runOpened: openRun(first.lane, "run-2") }
  recordOther(first.lane, 3)
  const [late, mute] = await Promise.all(
    [[one, between], []].map((sizes) => bundleOf(partsOf(second, sizes), world)),
  )
  const sizes = [one, between, first.lane.leaves.length] as const
  return { lane: first.lane, early, late: late!, mute: mute!, sizes }
}

const ofOther = { agent: "other" }

/** Another agent's, so that a bundle has nothing of it but hashes. */
function recordOther(of: LaneFixture, events: number): void {
  for (let at = 0; at < events; at++)
    of.record("vault_generation", { generation: at, vault_sha256: "ab".repeat(32) }, ofOther)
}

const made = await bundles()
const [one, between, all] = made.sizes

async function seenOf(bundle: Uint8Array, before: readonly CheckpointPin[] = []): Promise<Pins> {
  const { rootSha256 } = world
  const verdict = await verifyBundle(bundle, { rootSha256, atMs: startMs, known: known(before) })
  if (!verdict.accepted) throw new Error(JSON.stringify(verdict.findings))
  return [...before, ...pinsOf(verdict.value, startMs)]
}

type Pins = readonly CheckpointPin[]

function proof(from: number, to: number, of: LaneFixture = made.lane): Uint8Array {
  const hashes = of.leaves.slice(0, to).map(({ hash }) => fromHex(hash))
  const note = of.checkpoint(world.signers.ledger, to)
  return encodeAddCheckpoint({ oldSize: from, path: consistencyPath(hashes, from), note })
}

const codesOf = async (bundle: Uint8Array, pins: Pins, tree?: Uint8Array): Promise<unknown> => {
  const policy = { rootSha256: world.rootSha256, atMs: startMs, known: known(pins), proof: tree }
  const verdict = await verifyBundle(bundle, policy)
  return verdict.accepted ? [] : verdict.findings.map(({ code, tampered }) => [code, tampered])
}

test("a bundle tells of earlier checkpoints that end with other agents' events, and is held to them", async () => {
  const pins = await seenOf(made.early)
  expect(pins).toEqual([pinAt(one, made.lane)])
  expect(await codesOf(made.late, pins)).toEqual([])
  expect(await codesOf(made.late, [forged(pins[0]!)])).toEqual([["ledger/forked", true]])
  const seen = await seenOf(made.late)
  expect(seen).toEqual([one, between, all].map((at) => pinAt(at, made.lane)))
})

test("an honest older bundle is accepted by who saw a newer one that tells of it", async () => {
  expect(await codesOf(made.early, await seenOf(made.late))).toEqual([])
})

test("an older bundle that nothing vouches for is said to be older, and not to be tampered with", async () => {
  const pins = await seenOf(made.mute)
  const verdict = await judge(made.early, world, known(pins))
  expect(verdict).toMatchObject({ codes: ["ledger/not-extended"], exit: 1 })
  expect(JSON.stringify(verdict.verdict)).toContain(
    `of an earlier time, or of another history, and nothing here says which; ask the owner for what 'amc ledger prove --from ${one} --to ${all}'`,
  )
  expect(await codesOf(made.early, pins, proof(one, all))).toEqual([])
})

test("a newer bundle must show that it extends what was seen, or have a proof beside it", async () => {
  const pins = [pinAt(between, made.lane)]
  expect(await codesOf(made.mute, pins)).toEqual([["ledger/not-extended", false]])
  expect(await codesOf(made.mute, pins, proof(between, all))).toEqual([])
  expect(await codesOf(made.late, pins)).toEqual([])
})

test("an owner's machine asks nothing for its own checkpoints, but that they are not contradicted", async () => {
  const own = { ...pinAt(all, made.lane), own: true } as const
  expect(await codesOf(made.early, [own])).toEqual([])
  expect(await codesOf(made.late, [forged(own)])).toEqual([["ledger/forked", true]])
})

test.each([
  { why: "of other sizes", tree: () => proof(one, between) },
  { why: "of another ledger's history", tree: () => proof(one, all, otherHistory()) },
  { why: "between trees that were not seen", tree: () => proof(one - 1, all) },
])("a proof $why shows nothing", async ({ tree }) => {
  expect(await codesOf(made.early, await seenOf(made.mute), tree())).toEqual([
    ["proof/refused", false],
    ["ledger/not-extended", false],
  ])
})

test.each([utf8(""), utf8("old 3\n\n"), utf8("old x\n\nnote")])(
  "what is no proof is said to be none",
  async (bytes) => {
    const codes = await codesOf(made.early, await seenOf(made.mute), bytes)
    expect(codes).toContainEqual(["proof/malformed", false])
  },
)

/** What an owner would show who changed what was, as large as the honest one. */
function otherHistory(): LaneFixture {
  const other = makeRun(world, 1)
  recordOther(other.lane, all - other.lane.leaves.length)
  return other.lane
}

test("a rewritten history is found, whether it is shown shorter, as long or longer (L12)", async () => {
  const rewritten = async (events: number, sizes: readonly number[]): Promise<Uint8Array> => {
    const fork = makeRun(world, 1)
    recordOther(fork.lane, events - fork.lane.leaves.length)
    return bundleOf(partsOf(fork, sizes), world)
  }
  const pins = await seenOf(made.late)
  const forks = [
    await rewritten(one, []),
    await rewritten(all, []),
    await rewritten(all + 5, [all]),
  ]
  for (const fork of forks)
    expect(await codesOf(fork, pins)).toContainEqual(["ledger/forked", true])
  // Who leaves out what would show it has nothing that would be accepted.
  for (const events of [one + 1, all + 5])
    expect(await codesOf(await rewritten(events, []), pins)).toEqual([
      ["ledger/not-extended", false],
    ])
})
