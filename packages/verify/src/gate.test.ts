import { readArchive, writeArchive } from "@amc/bundle"
import { cosignerVkey, type GatePolicy, parseRoot, sha256Hex, utf8 } from "@amc/core"
import { seededSigner } from "@amc/testkit"
import * as fc from "fast-check"
import { expect, test } from "vitest"
import { world } from "./bundle-judge.fixture.ts"
import { bundleOf, openRun, partsOf, recordSystem, type RunFixture } from "./bundle.fixture.ts"
import { codesOf, consumer, gateOn, policyFor, policyName, signedPolicy } from "./gate.fixture.ts"
import type { PolicyFile } from "./gate-policy.ts"
import { LaneFixture, recordSession } from "./lane.fixture.ts"
import { makeWorld, startMs, workspace } from "./world.fixture.ts"

/** Two runs of one agent that pass, one after the other, and a third after them. */
const lane = new LaneFixture(world)
recordSystem(lane)
const first = measured("run-1")
const second = measured("run-2")
const third = measured("run-3")
const [bundle1, bundle2, bundle3] = [await first, await second, await third]

async function measured(runId: string): Promise<Uint8Array> {
  for (let at = 0; at < 3; at++) recordSession(lane, `${runId}-${at}`, true, 2, "measured")
  const run: RunFixture = { world, lane, runOpened: openRun(lane, runId) }
  return bundleOf(partsOf(run), world)
}

const rules: Partial<GatePolicy> = {
  minQuestions: { "CA-12": 1, "LA-05": 1 },
  minIntegrityIndex: 80,
  requirePosture: "measured",
  denyVetoes: true,
}
const policy = policyFor(world, rules)
const good = signedPolicy(policy)

test("B2: a bundle that shows what the policy asks for passes, and what was accepted is given back", async () => {
  const verdict = await gateOn(good, { bundle: bundle1 })
  expect(verdict).toMatchObject({
    exit: 0,
    outcome: {
      passed: true,
      findings: [],
      policy: { name: policyName, version: 1, root: `sha256:${consumer.rootSha256}` },
      bundle: { workspace, run_id: "run-1", root: `sha256:${world.rootSha256}` },
    },
  })
  expect(verdict.outcome.checks.every(({ passed }) => passed)).toBe(true)
  expect(verdict.bundles).toHaveLength(1)
})

const mallory = makeWorld("mallory")
const expired = signedPolicy(policy, { expires_ms: startMs })
const other = signedPolicy(policyFor(world, {}), { version: 2 })

/** Policies that are not the consumer's word for what a release must show. */
const refusedPolicies: readonly {
  readonly why: string
  readonly file: PolicyFile
  readonly exit: number
  readonly codes: readonly string[]
}[] = [
  {
    why: "without a signature",
    file: { ...good, signature: null },
    exit: 1,
    codes: ["config/unsigned"],
  },
  {
    why: "with other bytes than were signed",
    file: { ...good, bytes: other.bytes },
    exit: 4,
    codes: ["config/signature-invalid"],
  },
  {
    why: "signed by an attacker's own keys, under the victim's names",
    file: signedPolicy(policy, {}, mallory),
    exit: 1,
    codes: ["trust/root-invalid"],
  },
  {
    why: "signed by an attacker, with the victim's trust files",
    file: { ...signedPolicy(policy, {}, mallory), trust: good.trust },
    exit: 4,
    codes: ["config/signature-invalid"],
  },
  {
    why: "signed by an attacker, with the victim's root and the attacker's key certificates",
    file: {
      ...signedPolicy(policy, {}, mallory),
      trust: { ...good.trust, keys: [...mallory.certificates.values()] },
    },
    exit: 1,
    codes: ["policy/keys"],
  },
  {
    why: "signed under another name",
    file: signedPolicy(policy, { path: "staging.yaml" }),
    exit: 4,
    codes: ["config/another-file"],
  },
  {
    why: "signed for another workspace",
    file: signedPolicy(policy, { workspace: "other" }),
    exit: 4,
    codes: ["config/another-file"],
  },
  { why: "that has expired", file: expired, exit: 1, codes: ["config/expired"] },
  {
    why: "of a rule that is not known",
    file: signedPolicy({ ...policy, allowEverything: true } as GatePolicy),
    exit: 1,
    codes: ["policy/malformed"],
  },
  {
    why: "of keys that can't be read",
    file: { ...good, trust: { ...good.trust, keys: [utf8("{")] } },
    exit: 1,
    codes: ["policy/keys"],
  },
]

test.each(refusedPolicies)(
  "B2, K5: a policy $why is refused, and no bundle is looked at",
  async (each) => {
    const { file, exit, codes } = each
    const verdict = await gateOn(file, { bundle: bundle1 })
    expect({ exit: verdict.exit, codes: codesOf(verdict) }).toEqual({ exit, codes })
    expect(verdict.outcome).toMatchObject({ passed: false, policy: null, bundle: null, checks: [] })
  },
)

test("B2: an older version than was accepted before is refused, also where only a number is remembered", async () => {
  const history = new Map([[policy.id, { version: 2, sha256: "ab".repeat(32) }]])
  const superseded = await gateOn(good, { bundle: bundle1, history })
  expect([superseded.exit, codesOf(superseded)]).toEqual([4, ["config/superseded"]])
  const others = new Map([["staging", { version: 9, sha256: "ab".repeat(32) }]])
  expect(await gateOn(good, { bundle: bundle1, history: others })).toMatchObject({ exit: 0 })
  const verdict = await gateOn(good, { bundle: bundle1, minVersion: 2 })
  expect([verdict.exit, codesOf(verdict)]).toEqual([1, ["policy/superseded"]])
  expect(await gateOn(other, { bundle: bundle1, minVersion: 2 })).toMatchObject({ exit: 0 })
})

test("B2: another policy of the same root, under the same file name, is refused where one is asked for", async () => {
  const lax = signedPolicy(policyFor(world, { id: "staging" }))
  const terms = { bundle: bundle1, policyId: "release" }
  const verdict = await gateOn(lax, terms)
  expect([verdict.exit, codesOf(verdict), verdict.policy]).toEqual([1, ["policy/another"], null])
  expect(await gateOn(good, terms)).toMatchObject({ exit: 0 })
})

test("B2: a policy by a key that was replaced or stolen counts no more", async () => {
  const { kid } = consumer.signers.auditor.key
  for (const reason of ["superseded", "compromised"] as const) {
    const ended = makeWorld("consumer", {}, [{ kid, reason, from_index: null, from_ms: startMs }])
    const trust = { ...good.trust, revocations: ended.revocations }
    const verdict = await gateOn({ ...good, trust }, { bundle: bundle1 })
    expect([verdict.exit, codesOf(verdict)]).toEqual([1, ["trust/key-superseded"]])
  }
})

test("B2: a policy counts only while its root and revocations do", async () => {
  const verdict = await gateOn(good, { bundle: bundle1, atMs: startMs + 500 * 86_400_000 })
  expect(codesOf(verdict)).toEqual(["trust/root-expired", "trust/revocations-expired"])
  expect(verdict.exit).toBe(1)
})

const unknownProducer = signedPolicy(policyFor(mallory, rules))

test("K5: a bundle of a producer that the policy does not name is refused", async () => {
  const verdict = await gateOn(unknownProducer, { bundle: bundle1 })
  expect([verdict.exit, codesOf(verdict)]).toEqual([1, ["bundle/unknown-root"]])
  const both = signedPolicy({
    ...policy,
    producerRoots: [`sha256:${mallory.rootSha256}`, `sha256:${world.rootSha256}`],
  })
  expect(await gateOn(both, { bundle: bundle1 })).toMatchObject({ exit: 0 })
})

test("B2: without any one of its files no bundle passes", async () => {
  const files = await readArchive(bundle1)
  for (const name of files.keys()) {
    const rest = new Map([...files].filter(([each]) => each !== name))
    const verdict = await gateOn(good, { bundle: await writeArchive(rest) })
    expect([verdict.exit, verdict.outcome.passed], name).toEqual([expect.toBeOneOf([1, 4]), false])
  }
})

test("B2: bytes that are no bundle are refused, never passed", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), async (bytes) => {
      const verdict = await gateOn(good, { bundle: bytes })
      expect([verdict.exit, verdict.outcome.passed]).toEqual([1, false])
    }),
    { numRuns: 50 },
  )
})

test("B2: bytes that are no policy, signature or key are refused, never passed", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom("bytes", "signature", "revocations", "key"),
      fc.uint8Array({ maxLength: 300 }),
      async (what, bytes) => {
        const trust = {
          ...good.trust,
          ...(what === "revocations" ? { revocations: bytes } : {}),
          ...(what === "key" ? { keys: [bytes] } : {}),
        }
        const file = { ...good, trust, ...(what in good ? { [what]: bytes } : {}) }
        const verdict = await gateOn(file, { bundle: bundle1 })
        expect([verdict.exit, verdict.outcome.passed]).toEqual([expect.toBeOneOf([1, 4]), false])
      },
    ),
    { numRuns: 60 },
  )
})

const inRow = signedPolicy({ ...policy, consecutiveRuns: 2 })
const noDrop = signedPolicy({ ...policy, maxDrop: 0 })

test.each([
  {
    why: "none",
    policy: inRow,
    bundle: bundle2,
    previous: undefined,
    codes: ["gate/previous-run"],
  },
  { why: "the run before", policy: inRow, bundle: bundle2, previous: bundle1, codes: [] },
  {
    why: "a later one",
    policy: inRow,
    bundle: bundle2,
    previous: bundle3,
    codes: ["gate/previous-run"],
  },
  {
    why: "itself",
    policy: inRow,
    bundle: bundle2,
    previous: bundle2,
    codes: ["gate/previous-run"],
  },
  {
    why: "one with a run between",
    policy: inRow,
    bundle: bundle3,
    previous: bundle1,
    codes: ["gate/previous-run"],
  },
  { why: "an earlier one", policy: noDrop, bundle: bundle3, previous: bundle1, codes: [] },
  { why: "none", policy: noDrop, bundle: bundle3, previous: undefined, codes: ["gate/drop"] },
  { why: "itself", policy: noDrop, bundle: bundle3, previous: bundle3, codes: ["gate/drop"] },
])("B2: what is asked of the previous bundle, given $why", async (each) => {
  const verdict = await gateOn(each.policy, { bundle: each.bundle, previous: each.previous! })
  expect(codesOf(verdict)).toEqual(each.codes)
  expect(verdict.exit).toBe(each.codes.length === 0 ? 0 : 1)
})

test("B2: a previous bundle that does not hold refuses, whatever the policy asks of it", async () => {
  const previous = bundle1.slice(0, -1)
  const verdict = await gateOn(good, { bundle: bundle2, previous })
  expect([verdict.exit, codesOf(verdict)]).toEqual([1, ["bundle/malformed"]])
  expect(verdict.outcome.findings[0]?.subject).toBe("previous bundle: bundle")
})

test("B2: equal input gives equal outcomes", async () => {
  const [a, b] = [await gateOn(good, { bundle: bundle1 }), await gateOn(good, { bundle: bundle1 })]
  expect(JSON.stringify(a.outcome)).toBe(JSON.stringify(b.outcome))
})

test("a root that is larger than any is not parsed to look whose bundle it is", () => {
  expect(() => parseRoot(utf8(`[${"{},".repeat(1 << 16)}{}]`))).toThrow(
    expect.objectContaining({ code: "input/too-large" }),
  )
})

test.each(["superseded", "compromised"] as const)(
  "a policy by a key that was %s since counts no more, also where it was accepted before",
  async (reason) => {
    const { kid } = consumer.signers.auditor.key
    const ended = { kid, reason, from_index: null, from_ms: startMs + 1 }
    const since = makeWorld("consumer", {}, [ended])
    expect(since.rootSha256).toBe(consumer.rootSha256)
    const file = signedPolicy(policy, {}, since)
    const history = new Map([[policy.id, { version: 1, sha256: sha256Hex(file.bytes) }]])
    for (const terms of [{}, { history }]) {
      const verdict = await gateOn(file, { bundle: bundle1, ...terms })
      expect([verdict.exit, ...codesOf(verdict)]).toEqual([1, "trust/key-superseded"])
    }
  },
)

/** Ways to leave something out of what a gate is given, whatever of it a policy asks for. */
interface Given {
  readonly file: PolicyFile
  readonly bundle: Uint8Array
  readonly previous: Uint8Array | undefined
}
type Omission = (given: Given) => Promise<Given> | Given

async function without(bundle: Uint8Array, at: number): Promise<Uint8Array> {
  const files = [...(await readArchive(bundle))]
  return writeArchive(new Map(files.toSpliced(at % files.length, 1)))
}

/** The same signed text without one of its members. */
function lessText(file: PolicyFile, at: number): PolicyFile {
  const members = Object.entries(JSON.parse(new TextDecoder().decode(file.bytes)) as object)
  const rest = Object.fromEntries(members.toSpliced(at % members.length, 1))
  return { ...file, bytes: utf8(JSON.stringify(rest)) }
}

const omissions: readonly ((at: number) => Omission)[] = [
  (at) => async (given) => ({ ...given, bundle: await without(given.bundle, at) }),
  (at) => async (given) => ({
    ...given,
    previous: given.previous && (await without(given.previous, at)),
  }),
  () => (given) => ({ ...given, previous: undefined }),
  (at) => (given) => ({ ...given, file: lessText(given.file, at) }),
  () => (given) => ({ ...given, file: { ...given.file, signature: null } }),
  (at) => (given) => {
    const keys = given.file.trust.keys.toSpliced(at % given.file.trust.keys.length, 1)
    return { ...given, file: { ...given.file, trust: { ...given.file.trust, keys } } }
  },
  () => (given) => ({
    ...given,
    file: { ...given.file, trust: { ...given.file.trust, roots: [] } },
  }),
]

const witness = cosignerVkey("witness.example/w1", seededSigner("witness/w1").key)
const maybeOf = <T>(...values: readonly T[]): fc.Arbitrary<T | undefined> =>
  fc.constantFrom(undefined, ...values)
/** Every rule, at bounds that these bundles pass and at bounds that they don't. */
const anyRules: fc.Arbitrary<Partial<GatePolicy>> = fc.record({
  agents: maybeOf(["coder"], ["other"]),
  denyIfLowTrust: fc.boolean(),
  minTrustLabel: maybeOf("LOW TRUST" as const, "HIGH TRUST" as const),
  minIntegrityIndex: maybeOf(0, 80, 100),
  requirePosture: maybeOf("declared" as const, "measured" as const),
  maxAgeDays: maybeOf(1),
  witnessPolicy: maybeOf(`witness w1 ${witness}\nquorum w1\n`),
  minOverall: maybeOf(0, 5),
  minLayers: maybeOf({ Skills: 0 }, { Skills: 5 }),
  minQuestions: maybeOf({ "CA-12": 1 }, { "CA-12": 5 }),
  denyVetoes: fc.boolean(),
  maxDrop: maybeOf(0, 5),
  consecutiveRuns: maybeOf(1 as const, 2 as const),
  allowLoopbackUpstreams: fc.boolean(),
})

test("B2: whatever the policy, leaving anything out of what a gate is given never turns a refusal into a pass", async () => {
  const refused = new Set<string>()
  await fc.assert(
    fc.asyncProperty(
      anyRules,
      fc.constantFrom(bundle1, undefined),
      fc.array(fc.tuple(fc.constantFrom(...omissions), fc.nat(40)), {
        minLength: 1,
        maxLength: 2,
      }),
      async (drawn, previous, steps) => {
        const full: Given = {
          file: signedPolicy(policyFor(world, JSON.parse(JSON.stringify(drawn)))),
          bundle: bundle2,
          previous,
        }
        let less = full
        for (const [omit, at] of steps) less = await omit(at)(less)
        const [before, after] = [await gateOf(full), await gateOf(less)]
        for (const code of codesOf(before)) refused.add(code)
        if (after.outcome.passed) expect(before.outcome.passed).toBe(true)
        if (before.exit !== 0) expect(after.exit).not.toBe(0)
      },
    ),
    { numRuns: 60, seed: 6 },
  )
  expect([...refused]).toEqual(
    expect.arrayContaining(["gate/agent", "gate/trust-label", "gate/integrity-index", "gate/drop"]),
  )
})

function gateOf({ file, bundle, previous }: Given): ReturnType<typeof gateOn> {
  return gateOn(file, { bundle, ...(previous && { previous }) })
}
