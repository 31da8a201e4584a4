import {
  type CheckpointPin,
  cosignerVkey,
  issueRevocationList,
  keyId,
  type KeyRole,
  parseNote,
  parseWitnessPolicy,
  signatureLine,
  signCosignature,
  utf8,
  type Verdict,
  vkey,
} from "@amc/core"
import { seededSigner } from "@amc/testkit"
import { expect, test } from "vitest"
import { lane, parts, signed, world } from "./bundle-judge.fixture.ts"
import { type VerifiedBundle, verifyBundle } from "./bundle.ts"
import { exitOf } from "./exit.ts"
import type { KnownTrust } from "./known-trust.ts"
import { type LedgerSummary, verifyLedger } from "./ledger.ts"
import type { LedgerSource } from "./ledger-source.ts"
import type { WitnessTerms } from "./witness-check.ts"
import { laneName, lifetimeMs, makeWorld, origin, startMs, workspace } from "./world.fixture.ts"

const names = ["w1", "w2", "w3"] as const
const signers = names.map((name) => seededSigner(`witness/${name}`))
const keys = names.map((name, at) => cosignerVkey(`witness.example/${name}`, signers[at]!.key))
const witnesses = names.map((name, at) => `witness ${name} ${keys[at]}\n`).join("")
const policyOf = (text: string): NonNullable<WitnessTerms["policy"]> =>
  parseWitnessPolicy(utf8(text))
const two = policyOf(`${witnesses}group g 2 w1 w2 w3\nquorum g\n`)
const last = lane.leaves.at(-1)!.event.ts
/** A minute after the last event, in whole seconds. */
const seconds = Math.ceil(last / 1000) + 60
const nowMs = (seconds + 60) * 1000
const ms = (time: number): number => time * 1000 + 999

const line = (at: number, time = seconds, note = parts.checkpoint): string =>
  signCosignature(
    parseNote(note).text,
    { name: `witness.example/${names[at]}`, time },
    signers[at]!,
  )
const forged = signatureLine({
  name: "witness.example/w1",
  keyId: keyId("witness.example/w1", signers[0]!.key, 4),
  signature: new Uint8Array(72).fill(1),
})
const cosigned = (...lines: readonly string[]): Promise<Uint8Array> =>
  signed({ checkpoint: parts.checkpoint + lines.join("") })

interface Judged<T> {
  readonly codes: readonly string[]
  readonly exit: number
  readonly value: T | null
}

function judged<T>(verdict: Verdict<T>): Judged<T> {
  const codes = verdict.accepted ? [] : [...new Set(verdict.findings.map(({ code }) => code))]
  return { codes, exit: exitOf(verdict), value: verdict.accepted ? verdict.value : null }
}

async function judge(
  bundle: Promise<Uint8Array>,
  terms: Partial<WitnessTerms> = { policy: two },
  known?: KnownTrust,
): Promise<Judged<VerifiedBundle>> {
  const { rootSha256 } = world
  const witnessing = { nowMs, ...terms }
  return judged(
    await verifyBundle(await bundle, { rootSha256, atMs: startMs, known, witnesses: witnessing }),
  )
}

test("two witnesses of the verifier's own policy are a quorum, and say since when", async () => {
  const { value } = await judge(cosigned(line(0), line(2, seconds + 5)))
  expect(value?.summary.witnessing).toEqual({
    witnesses: [
      { name: "w1", first_ms: ms(seconds), last_ms: ms(seconds) },
      { name: "w3", first_ms: ms(seconds + 5), last_ms: ms(seconds + 5) },
    ],
    quorum: "met",
    since_ms: ms(seconds + 5),
    latest_ms: ms(seconds),
  })
})

test("without a policy cosignatures count for nothing, and time is self-asserted", async () => {
  const { value } = await judge(cosigned(line(0), line(1)), {})
  expect(value?.summary.witnessing).toBeNull()
})

test.each([
  { why: "no cosignature", lines: [] },
  { why: "one", lines: [line(0)] },
  { why: "one twice (L21)", lines: [line(0), line(0, seconds + 9)] },
  { why: "one, and one from a time to come", lines: [line(0), line(1, seconds + 600)] },
  {
    why: "one, and one by a stranger in a name of the policy",
    lines: [
      line(0),
      signCosignature(
        parseNote(parts.checkpoint).text,
        { name: "witness.example/w2", time: seconds },
        seededSigner("mallory"),
      ),
    ],
  },
])("a checkpoint with $why has no quorum", async ({ lines }) => {
  expect(await judge(cosigned(...lines))).toMatchObject({ codes: ["witness/quorum"], exit: 1 })
})

test("a forged line in a witness's name refuses the whole checkpoint (L20)", async () => {
  const bundle = cosigned(line(0), line(1), forged)
  expect(await judge(bundle)).toMatchObject({ codes: ["witness/checkpoint"], exit: 4 })
  const stranger = policyOf(`witness x ${cosignerVkey("x", seededSigner("x").key)}\nquorum none\n`)
  expect((await judge(bundle, { policy: stranger })).codes).toEqual([])
})

test("a policy that names logs takes no other log's checkpoint", async () => {
  const text = `${witnesses}group g 2 w1 w2 w3\nquorum g\n`
  const bundle = cosigned(line(0), line(1))
  const own = policyOf(`log ${vkey(origin, world.signers.ledger.key)}\n${text}`)
  expect((await judge(bundle, { policy: own })).codes).toEqual([])
  const other = policyOf(`log ${vkey(origin, seededSigner("x").key)}\n${text}`)
  expect(await judge(bundle, { policy: other })).toMatchObject({
    codes: ["witness/checkpoint"],
    exit: 1,
  })
})

test("a policy that asks for nobody is no quorum, and lifts nothing", async () => {
  const { value, codes } = await judge(cosigned(line(0)), {
    policy: policyOf(`${witnesses}quorum none\n`),
  })
  expect(codes).toEqual([])
  expect(value?.summary.witnessing).toMatchObject({ quorum: "none", since_ms: null })
})

test("a checkpoint that nobody called the newest for too long is stale (L17)", async () => {
  const hour = 3_600_000
  const maxAgeMs = 24 * hour
  const at = (later: number): Partial<WitnessTerms> => ({ maxAgeMs, nowMs: nowMs + later })
  const stale = { codes: ["checkpoint/stale"], exit: 1 }
  const bundle = cosigned(line(0), line(1))
  expect((await judge(bundle, { policy: two, ...at(23 * hour) })).codes).toEqual([])
  expect(await judge(bundle, { policy: two, ...at(24 * hour) })).toMatchObject(stale)
  // A witness that was asked again a day later, and knew of nothing newer.
  const later = seconds + 86_400
  const fresh = cosigned(line(0), line(1), line(0, later), line(1, later))
  expect((await judge(fresh, { policy: two, ...at(24 * hour) })).codes).toEqual([])
  // Half a quorum's later word is not a quorum's.
  const half = cosigned(line(0), line(1), line(0, later))
  expect(await judge(half, { policy: two, ...at(24 * hour) })).toMatchObject(stale)
  // Without witnesses only the owner says how old it is.
  expect((await judge(bundle, at(23 * hour))).codes).toEqual([])
  expect(await judge(bundle, at(25 * hour))).toMatchObject(stale)
})

const list = (role: KeyRole, from_ms: number): Uint8Array =>
  issueRevocationList(
    {
      workspace,
      version: 2,
      createdMs: startMs,
      expiresMs: startMs + lifetimeMs,
      revoked: [
        { kid: world.signers[role].key.kid, reason: "compromised", from_index: null, from_ms },
      ],
    },
    [world.signers.root],
  )
const knowing = (revocations: Uint8Array, pins: readonly CheckpointPin[] = []): KnownTrust => ({
  roots: [world.rootBytes],
  revocations,
  pins,
})

test.each(["monitor", "ledger", "auditor"] as const)(
  "what a stolen key of the role %s signed counts where a quorum saw it before the theft (L09)",
  async (role) => {
    const known = knowing(list(role, ms(seconds) + 1))
    const fallen = { codes: expect.arrayContaining(["trust/key-compromised"]) as string[] }
    const bundle = cosigned(line(0), line(1))
    expect((await judge(bundle, { policy: two }, known)).codes).toEqual([])
    expect(await judge(bundle, {}, known)).toMatchObject(fallen)
    expect(await judge(cosigned(line(0)), { policy: two }, known)).toMatchObject(fallen)
    const after = cosigned(line(0), line(1, seconds + 1))
    expect(await judge(after, { policy: two }, known)).toMatchObject(fallen)
  },
)

test("a bundle of another history than the one that was seen is a fork, a smaller one only is not shown to be none (L11)", async () => {
  const { size, root_sha256 } = (await judge(cosigned(), {})).value!.checkpoint
  const pin = { size, root_sha256, seen_ms: startMs }
  const other = { ...pin, root_sha256: "ab".repeat(32) }
  const known = (...pins: CheckpointPin[]): KnownTrust => knowing(world.revocations, pins)
  expect((await judge(cosigned(), {}, known(pin))).codes).toEqual([])
  expect(await judge(cosigned(), {}, known(pin, other))).toMatchObject({
    codes: ["ledger/forked"],
    exit: 4,
  })
  expect(await judge(cosigned(), {}, known({ ...other, size: size + 1 }))).toMatchObject({
    codes: ["ledger/not-extended"],
    exit: 1,
  })
})

function source(notes: readonly string[], leaves = lane.leaves): LedgerSource {
  return {
    lanes: async () => [laneName],
    leaves: async function* () {
      yield* leaves
    },
    blob: async (sha256) => lane.changes.get(sha256) ?? null,
    checkpoints: async () => notes,
    configs: async () =>
      parts.configs.map(({ path, bytes, signature }) => ({ path, bytes, signature })),
  }
}

async function judgeLedger(
  notes: readonly string[],
  terms: Partial<WitnessTerms>,
  change: Partial<{ keyring: typeof world.keyring; leaves: typeof lane.leaves }> = {},
): Promise<Judged<LedgerSummary>> {
  const { keyring = world.keyring, leaves } = change
  const all = { keyring, origin, atMs: startMs, witnesses: { nowMs, ...terms } }
  return judged(await verifyLedger(source(notes, leaves), all))
}

const half = lane.checkpoint(world.signers.ledger, 9)
const whole = parts.checkpoint

test("a ledger is witnessed as far as the largest checkpoint with the quorum", async () => {
  const early = half + line(0, seconds - 30, half) + line(1, seconds - 30, half)
  const { value, codes } = await judgeLedger([half, early, whole, whole + line(0)], { policy: two })
  expect(codes).toEqual([])
  expect(value?.witnessing).toMatchObject({
    covered: 9,
    quorum: "met",
    since_ms: ms(seconds - 30),
  })
  const full = await judgeLedger([early, whole + line(0) + line(1)], { policy: two })
  expect(full.value?.witnessing).toMatchObject({ covered: lane.leaves.length })
  expect((await judgeLedger([early], {})).value?.witnessing).toBeNull()
})

test.each([
  { why: "no checkpoint at all", notes: [] },
  { why: "no cosignature", notes: [half, whole] },
  { why: "one of two", notes: [whole + line(0)] },
  { why: "two on two checkpoints", notes: [half + line(0, seconds, half), whole + line(1)] },
])("a ledger with $why has no quorum", async ({ notes }) => {
  expect(await judgeLedger(notes, { policy: two })).toMatchObject({
    codes: ["witness/quorum"],
    exit: 1,
  })
})

test("a ledger's checkpoint with a forged line is refused (L20)", async () => {
  const notes = [half, whole + line(0) + line(1) + forged]
  expect(await judgeLedger(notes, { policy: two })).toMatchObject({
    codes: ["witness/checkpoint", "witness/quorum"],
    exit: 4,
  })
})

test("a ledger whose newest checkpoint is too old is stale, and so is one without any (L17)", async () => {
  const stale = { codes: ["checkpoint/stale"], exit: 1 }
  const later = { maxAgeMs: 600_000, nowMs: nowMs + 700_000 }
  const notes = [whole + line(0) + line(1)]
  expect((await judgeLedger(notes, { policy: two, maxAgeMs: 600_000 })).codes).toEqual([])
  expect(await judgeLedger(notes, { policy: two, ...later })).toMatchObject(stale)
  expect((await judgeLedger([whole], { maxAgeMs: 600_000 })).codes).toEqual([])
  expect(await judgeLedger([whole], later)).toMatchObject(stale)
  expect(await judgeLedger([], { maxAgeMs: 600_000 })).toMatchObject(stale)
})

test("a ledger whose own clock was ahead is not fresh for longer (L18)", async () => {
  const early = (ms: number): Partial<WitnessTerms> => ({ maxAgeMs: 600_000, nowMs: nowMs - ms })
  expect((await judgeLedger([whole], early(240_000))).codes).toEqual([])
  expect(await judgeLedger([whole], early(86_400_000))).toMatchObject({
    codes: ["checkpoint/stale"],
    exit: 1,
  })
})

test("a stolen monitor key rewrites nothing that a quorum saw before (L09)", async () => {
  const kid = world.signers.monitor.key.kid
  const from_ms = ms(seconds) + 1
  const { keyring } = makeWorld("owner", {}, [
    { kid, reason: "compromised", from_index: null, from_ms },
  ])
  const notes = [whole + line(0) + line(1)]
  expect((await judgeLedger(notes, { policy: two }, { keyring })).codes).toEqual([])
  expect((await judgeLedger(notes, {}, { keyring })).codes).toContain("trust/key-compromised")
})

test("a ledger that contradicts or lacks what this machine saw is found (L10, L11)", async () => {
  const { value } = await judgeLedger([whole], {})
  expect(value).not.toBeNull()
  const size = lane.leaves.length
  const pinned = (pin: CheckpointPin): typeof world.keyring => world.keyring.withPins([pin])
  const other = { size: 9, root_sha256: "ab".repeat(32), seen_ms: startMs }
  expect(await judgeLedger([whole], {}, { keyring: pinned(other) })).toMatchObject({
    codes: ["ledger/forked"],
    exit: 4,
  })
  const ahead = { ...other, size: size + 1 }
  expect(await judgeLedger([whole], {}, { keyring: pinned(ahead) })).toMatchObject({
    codes: ["ledger/rolled-back"],
    exit: 4,
  })
})
