import {
  type CheckpointPin,
  issueRevocationList,
  issueRoot,
  type KeyRole,
  type Revocation,
} from "@amc/core"
import { seededSigner } from "@amc/testkit"
import { expect, test } from "vitest"
import { good, judge, lane, policy, world } from "./bundle-judge.fixture.ts"
import { bundleOf, makeRun, partsOf } from "./bundle.fixture.ts"
import { verifyBundle } from "./bundle.ts"
import type { KnownTrust } from "./known-trust.ts"
import { lifetimeMs, makeWorld, startMs, workspace } from "./world.fixture.ts"

const terms = { workspace, createdMs: startMs, expiresMs: startMs + lifetimeMs }
const size = lane.leaves.length

function list(
  version: number,
  revoked: readonly Revocation[],
  expiresMs = terms.expiresMs,
): Uint8Array {
  return issueRevocationList({ ...terms, expiresMs, version, revoked }, [world.signers.root])
}

function known(change: Partial<KnownTrust>): KnownTrust {
  return { roots: [world.rootBytes], revocations: world.revocations, pins: [], ...change }
}

const stolen = (role: KeyRole, from_ms = startMs): Revocation => ({
  kid: world.signers[role].key.kid,
  reason: "compromised",
  from_index: null,
  from_ms,
})

const replaced = (role: KeyRole, from_index: number): Revocation => ({
  kid: world.signers[role].key.kid,
  reason: "superseded",
  from_index,
  from_ms: startMs + lifetimeMs,
})

async function pin(seen_ms: number): Promise<CheckpointPin> {
  const verdict = await verifyBundle(good, policy)
  if (!verdict.accepted) throw new Error("the bundle is not good")
  return { ...verdict.value.checkpoint, seen_ms }
}

test.each(["monitor", "ledger", "auditor"] as const)(
  "what a stolen key of the role %s signed falls, unless it was seen before the theft (S09)",
  async (role) => {
    const revocations = list(2, [stolen(role, startMs + 100)])
    const [before, after] = [await pin(startMs + 99), await pin(startMs + 100)]
    const another = { ...before, root_sha256: "ab".repeat(32) }
    for (const pins of [[], [after]])
      expect(await judge(good, world, known({ revocations, pins }))).toMatchObject({
        codes: ["trust/key-compromised"],
        exit: 1,
      })
    expect((await judge(good, world, known({ revocations, pins: [before] }))).codes).toEqual([])
    expect(await judge(good, world, known({ revocations, pins: [before, another] }))).toMatchObject(
      {
        codes: ["ledger/forked"],
        exit: 4,
      },
    )
  },
)

test.each([
  { role: "monitor", last: size - 1 },
  { role: "ledger", last: size - 1 },
  { role: "auditor", last: size - 1 },
] as const)(
  "a key of the role $role that was replaced counts up to its end (S08)",
  async ({ role, last }) => {
    const at = (index: number): KnownTrust =>
      known({ revocations: list(2, [replaced(role, index)]) })
    expect((await judge(good, world, at(last + 1))).codes).toEqual([])
    expect(await judge(good, world, at(last))).toMatchObject({
      codes: ["trust/key-superseded"],
      exit: 1,
    })
  },
)

test("what a stolen key signed falls by the list in the bundle itself", async () => {
  const by = makeWorld("owner", {}, [stolen("monitor")])
  expect(await judge(bundleOf(partsOf(makeRun(by)), by), by)).toMatchObject({
    codes: ["trust/key-compromised"],
    exit: 1,
  })
})

test("an older list than the bundle's takes nothing back", async () => {
  const by = makeWorld("owner", {}, [])
  const newer = { ...partsOf(makeRun(by)), revocations: list(5, [stolen("monitor")]) }
  const older = known({ revocations: list(4, []) })
  expect(await judge(bundleOf(newer, by), by, older)).toMatchObject({
    codes: ["trust/key-compromised"],
  })
  const same = known({ revocations: list(5, [stolen("monitor")]) })
  expect(await judge(bundleOf(newer, by), by, same)).toMatchObject({
    codes: ["trust/key-compromised"],
  })
})

const [second, third] = [seededSigner("second"), seededSigner("third")]
const rootTwo = { ...terms, version: 2, threshold: 1 }

test("two lists or two roots of one version are a fork of the owners' word", async () => {
  const lists = known({ revocations: list(1, [stolen("monitor")]) })
  expect(await judge(good, world, lists)).toMatchObject({ codes: ["trust/forked"], exit: 4 })
  const [one, other] = [second, third].map((owner) =>
    issueRoot(rootTwo, [owner], [world.signers.root]),
  ) as [Uint8Array, Uint8Array]
  const bundle = bundleOf({ ...partsOf(makeRun()), roots: [world.rootBytes, one] }, world)
  const mine = issueRevocationList({ ...terms, version: 2, revoked: [] }, [third])
  const roots = known({ roots: [world.rootBytes, other], revocations: mine })
  expect(await judge(bundle, world, roots)).toMatchObject({ codes: ["trust/forked"], exit: 4 })
})

test("what the owners of today did not certify is refused by whoever knows them (S12)", async () => {
  const roots = [world.rootBytes, issueRoot(rootTwo, [second], [world.signers.root])]
  const revocations = issueRevocationList({ ...terms, version: 2, revoked: [] }, [second])
  expect(await judge(good, world, known({ roots, revocations }))).toMatchObject({
    codes: ["trust/root-superseded"],
    exit: 1,
  })
})

test("the owners of yesterday can't issue a list of tomorrow", async () => {
  const roots = [
    world.rootBytes,
    issueRoot(rootTwo, [second, world.signers.root], [world.signers.root]),
    issueRoot({ ...rootTwo, version: 3 }, [second, world.signers.root], [second]),
  ]
  const revocations = issueRevocationList({ ...terms, version: 2, revoked: [stolen("monitor")] }, [
    second,
  ])
  const forged = { ...partsOf(makeRun()), revocations: list(99, []) }
  const judged = await judge(bundleOf(forged, world), world, known({ roots, revocations }))
  expect(judged).toMatchObject({ codes: ["trust/key-compromised"], exit: 1 })
})

test.each([
  {
    why: "by another",
    revocations: issueRevocationList({ ...terms, version: 1, revoked: [] }, [third]),
  },
  { why: "no list", revocations: new Uint8Array([123, 125]) },
])("a bundle whose revocation list is $why is refused", async ({ revocations }) => {
  const bundle = bundleOf({ ...partsOf(makeRun()), revocations }, world)
  expect(await judge(bundle)).toMatchObject({ codes: ["trust/revocations-invalid"], exit: 1 })
})

test.each([
  { why: "the next version is not signed by the last", next: issueRoot(rootTwo, [second]) },
  {
    why: "a version is left out (S10)",
    next: issueRoot({ ...rootTwo, version: 3 }, [second], [world.signers.root]),
  },
])("a bundle in whose root $why is refused", async ({ next }) => {
  const bundle = bundleOf({ ...partsOf(makeRun()), roots: [world.rootBytes, next] }, world)
  expect(await judge(bundle)).toMatchObject({ codes: ["trust/root-invalid"], exit: 1 })
})

test("a list and a root that have expired are refused, but not at an earlier time", async () => {
  const late = { ...policy, atMs: startMs + lifetimeMs + 1 }
  const verdict = await verifyBundle(good, late)
  expect(verdict.accepted || verdict.findings.map(({ code }) => code)).toEqual([
    "trust/root-expired",
    "trust/revocations-expired",
  ])
  expect((await verifyBundle(good, { ...late, atMs: startMs + lifetimeMs })).accepted).toBe(true)
  const renewed = known({ revocations: list(2, [], startMs + 2 * lifetimeMs) })
  const again = await verifyBundle(good, { ...late, known: renewed })
  expect(again.accepted || again.findings.map(({ code }) => code)).toEqual(["trust/root-expired"])
})

test("memory that is not of the pinned root is a fault, and no verdict", async () => {
  const stranger = makeWorld("stranger")
  const memory = known({ roots: [stranger.rootBytes], revocations: stranger.revocations })
  await expect(verifyBundle(good, { ...policy, known: memory })).rejects.toMatchObject({
    code: "root/unknown",
  })
})
