import { expect, test } from "vitest"
import { utf8 } from "./bytes.ts"
import { signCosignature } from "./cosignature.ts"
import { encodeCheckpoint } from "./checkpoint.ts"
import { emptyRoot } from "./merkle/hash.ts"
import { signNote } from "./note.ts"
import { seededSigner } from "./testing/seeded-signer.ts"
import { ownVectors } from "./testing/vectors.ts"
import { cosignerVkey, vkey } from "./vkey.ts"
import { parseWitnessPolicy } from "./witness-policy.ts"
import { evaluateWitnesses, type Witnessing } from "./witness-quorum.ts"

interface Vectors {
  readonly policies: {
    readonly accepted: readonly { why: string; text: string; logs: number; witnesses: string[] }[]
    readonly refused: readonly { why: string; text: string }[]
  }
}

const vectors = ownVectors<Vectors>("witness.json")
const malformed: unknown = expect.objectContaining({ code: "input/malformed" })

test.each(vectors.policies.accepted)("reads a policy with $why", ({ text, logs, witnesses }) => {
  const policy = parseWitnessPolicy(utf8(text))
  expect(policy.logs).toHaveLength(logs)
  expect(policy.witnesses.map(({ label }) => label)).toEqual(witnesses)
})

test.each(vectors.policies.refused)("refuses a policy with $why", ({ text }) => {
  expect(() => parseWitnessPolicy(utf8(text))).toThrow(malformed)
})

test("refuses a policy that is too long, and one that is not UTF-8", () => {
  expect(() => parseWitnessPolicy(utf8("#".repeat(300_000)))).toThrow(
    expect.objectContaining({ code: "input/too-large" }),
  )
  expect(() => parseWitnessPolicy(utf8(`${"\n".repeat(2000)}quorum none\n`))).toThrow(malformed)
  expect(() => parseWitnessPolicy(Uint8Array.of(0x23, 0xff, 0x0a))).toThrow(malformed)
})

test("says in which line it does not understand a policy", () => {
  expect(() => parseWitnessPolicy(utf8("# one\n\nquorum x\n"))).toThrow(/^line 3 of the policy: /)
})

const origin = "ledger.example/amc"
const nowMs = 1_780_000_000_000
const now = nowMs / 1000
const log = seededSigner(1)
const text = encodeCheckpoint({ origin, size: 0, root: emptyRoot })
const signers = { a: seededSigner(11), b: seededSigner(12), c: seededSigner(13) } as const
type Name = keyof typeof signers

const line = (name: Name, time: number): string =>
  signCosignature(text, { name: `w/${name}`, time }, signers[name])
const witnessLine = (name: Name): string =>
  `witness ${name} ${cosignerVkey(`w/${name}`, signers[name].key)}\n`
const all = (["a", "b", "c"] as const).map(witnessLine).join("")

function evaluate(policy: string, ...lines: string[]): Witnessing {
  const note = signNote(text, origin, log) + lines.join("")
  return evaluateWitnesses(note, parseWitnessPolicy(utf8(policy)), nowMs)
}

const ms = (time: number): number => time * 1000 + 999
const two = `${all}group g 2 a b c\nquorum g\n`

test.each([
  { why: "nobody", lines: [], isMet: false, sinceMs: null, latestMs: null },
  { why: "one", lines: [line("a", now)], isMet: false, sinceMs: null, latestMs: null },
  {
    why: "one twice (L21)",
    lines: [line("a", now - 9), line("a", now)],
    isMet: false,
    sinceMs: null,
    latestMs: null,
  },
  {
    why: "two",
    lines: [line("a", now - 9), line("c", now - 5)],
    isMet: true,
    sinceMs: ms(now - 5),
    latestMs: ms(now - 9),
  },
  {
    why: "all, at different times",
    lines: [line("a", now - 9), line("b", now - 2), line("c", now - 5)],
    isMet: true,
    sinceMs: ms(now - 5),
    latestMs: ms(now - 5),
  },
  {
    why: "two, and both again later",
    lines: [line("a", now - 90), line("b", now - 80), line("a", now - 2), line("b", now - 3)],
    isMet: true,
    sinceMs: ms(now - 80),
    latestMs: ms(now - 3),
  },
  {
    why: "one, and one from the future",
    lines: [line("a", now - 9), line("b", now + 301)],
    isMet: false,
    sinceMs: null,
    latestMs: null,
  },
  {
    why: "one, and one whose clock is a little ahead",
    lines: [line("a", now - 9), line("b", now + 200)],
    isMet: true,
    sinceMs: ms(now + 200),
    latestMs: ms(now - 9),
  },
])("two of three with $why", ({ lines, isMet, sinceMs, latestMs }) => {
  expect(evaluate(two, ...lines)).toMatchObject({ isMet, sinceMs, latestMs })
})

test("tells each witness once, with its first and its last time", () => {
  const { witnesses } = evaluate(two, line("b", now - 1), line("a", now - 9), line("b", now - 5))
  expect(witnesses).toEqual([
    { label: "a", firstMs: ms(now - 9), lastMs: ms(now - 9) },
    { label: "b", firstMs: ms(now - 5), lastMs: ms(now - 1) },
  ])
})

test("a group of groups has witnessed when its members have", () => {
  const nested = `${all}group ab any a b\ngroup all-of all ab c\nquorum all-of\n`
  expect(evaluate(nested, line("a", now - 9), line("b", now - 8)).isMet).toBe(false)
  expect(evaluate(nested, line("b", now - 8), line("c", now - 7))).toMatchObject({
    isMet: true,
    sinceMs: ms(now - 7),
    latestMs: ms(now - 8),
  })
  expect(
    evaluate(nested, line("a", now - 9), line("b", now - 8), line("c", now - 7)),
  ).toMatchObject({ sinceMs: ms(now - 7), latestMs: ms(now - 8) })
})

test("a policy without a quorum says nothing of time", () => {
  const none = `${all}quorum none\n`
  expect(evaluate(none, line("a", now))).toEqual({
    witnesses: [{ label: "a", firstMs: ms(now), lastMs: ms(now) }],
    isMet: true,
    sinceMs: null,
    latestMs: null,
  })
})

test("one forged line in a witness's name refuses the whole note (L20)", () => {
  const forged = line("a", now).replace(/.{8}\n$/, "AAAAAAA=\n")
  for (const lines of [[forged], [line("a", now), line("b", now), forged]])
    expect(() => evaluate(two, ...lines)).toThrow(
      expect.objectContaining({ code: "note/bad-signature" }),
    )
})

test("two keys of one name are two witnesses, and one key of theirs is not the other", () => {
  const twins = `witness x ${cosignerVkey("w/a", signers.a.key)}\nwitness y ${cosignerVkey("w/a", signers.b.key)}\ngroup g all x y\nquorum g\n`
  const second = signCosignature(text, { name: "w/a", time: now }, signers.b)
  expect(evaluate(twins, line("a", now)).witnesses.map(({ label }) => label)).toEqual(["x"])
  expect(evaluate(twins, line("a", now), second).isMet).toBe(true)
})

test("where a policy names logs, one of them must have signed", () => {
  const named = (key: string): string => `log ${key}\n${two}`
  const lines = [line("a", now), line("b", now)]
  expect(evaluate(named(vkey(origin, log.key)), ...lines).isMet).toBe(true)
  expect(() => evaluate(named(vkey(origin, signers.a.key)), ...lines)).toThrow(
    expect.objectContaining({ code: "note/untrusted" }),
  )
})
