import * as fc from "fast-check"
import { expect, test } from "vitest"
import { fromHex, toHex, utf8 } from "./bytes.ts"
import { isFault } from "./errors.ts"
import { hashLeaf } from "./merkle/hash.ts"
import { encodeProofExtra, parseProofExtra } from "./proof-extra.ts"
import { ownVectors } from "./testing/vectors.ts"
import { makeTileVectors } from "./tile-vectors.fixture.ts"
import { encodeTlogProof, parseTlogProof, verifyTlogProof } from "./tlog-proof.ts"
import type { Verdict } from "./verdict.ts"
import { parseVkey } from "./vkey.ts"

interface Vectors {
  readonly verifier_key: string
  readonly accepted: readonly { why: string; leaf: string; proof: string }[]
  readonly refused: readonly { why: string; proof: string }[]
  readonly unproven: readonly { why: string; code: string; leaf: string; proof: string }[]
}

const vectors = ownVectors<Vectors>("proof.json")
const verifiers = [parseVkey(vectors.verifier_key)]
const [{ leaf, proof }] = vectors.accepted as [Vectors["accepted"][0]]

function verified(text: string, leafHex: string): Verdict<unknown> {
  return verifyTlogProof(parseTlogProof(text), hashLeaf(fromHex(leafHex)), verifiers)
}

test("the vector files are what their fixture makes", () => {
  for (const [name, made] of Object.entries(makeTileVectors()))
    expect(ownVectors(name), `run packages/core/src/tile-vectors.fixture.ts`).toEqual(made)
})

test("there are vectors of every kind", () => {
  expect(vectors.accepted.length).toBeGreaterThan(3)
  expect(vectors.refused.length).toBeGreaterThan(12)
  expect(vectors.unproven.length).toBeGreaterThan(7)
})

test.each(vectors.accepted)("accepts a proof with $why, and writes it the same", (vector) => {
  expect(encodeTlogProof(parseTlogProof(vector.proof))).toBe(vector.proof)
  expect(verified(vector.proof, vector.leaf)).toMatchObject({
    accepted: true,
    value: { origin: "ledger.example/amc" },
  })
})

test.each(vectors.refused)("refuses a proof with $why", ({ proof: text }) => {
  expect(() => parseTlogProof(text)).toThrow(expect.objectContaining({ code: "input/malformed" }))
})

test("refuses a proof of more than 1 MiB before it looks at it", () => {
  expect(() => parseTlogProof(`${proof}${"a".repeat(1024 * 1024)}`)).toThrow(
    expect.objectContaining({ code: "input/too-large" }),
  )
})

test.each(vectors.unproven)("is not convinced by $why", ({ proof: text, leaf: of, code }) => {
  expect(verified(text, of)).toMatchObject({ accepted: false, findings: [{ code }] })
})

test("L22 refuses a checkpoint with an extension line, though its signature holds", () => {
  const { proof: text } = vectors.unproven.find(({ why }) => why === "an extension line")!
  expect(verified(text, leaf)).toMatchObject({ findings: [{ code: "proof/malformed" }] })
})

test("only a signature that contradicts counts as tampering", () => {
  const tampered = vectors.unproven
    .map(({ why, proof: text, leaf: of }) => ({ why, verdict: verified(text, of) }))
    .filter(({ verdict }) => !verdict.accepted && verdict.findings[0].tampered)
  expect(tampered.map(({ why }) => why)).toEqual(["a checkpoint that was changed"])
})

test("refuses to write what could not be read", () => {
  const good = parseTlogProof(proof)
  for (const wrong of [
    { ...good, index: -1 },
    { ...good, path: [new Uint8Array(31)] },
    { ...good, extra: new Uint8Array() },
    { ...good, checkpoint: "none" },
  ])
    expect(() => encodeTlogProof(wrong)).toThrow(
      expect.objectContaining({ code: "input/malformed" }),
    )
})

test("a proof in which any character was changed is refused, or proves the same by the same hashes", () => {
  const { path, index } = parseTlogProof(proof)
  fc.assert(
    fc.property(fc.nat(proof.length - 1), fc.string({ minLength: 1, maxLength: 1 }), (at, put) => {
      const near = proof.slice(0, at) + put + proof.slice(at + 1)
      if (near === proof) return
      try {
        const read = parseTlogProof(near)
        const verdict = verifyTlogProof(read, hashLeaf(fromHex(leaf)), verifiers)
        if (verdict.accepted)
          expect([read.index, read.path.map(toHex)]).toEqual([index, path.map(toHex)])
      } catch (error) {
        if (!isFault(error, "input/malformed")) throw error
      }
    }),
    { numRuns: 2000 },
  )
})

const extra = {
  leaf: utf8("leaf"),
  signature: "signature",
  receipt: "abc",
  roots: [utf8("one"), utf8("two")],
  revocations: utf8("none"),
  certificates: [utf8("key")],
}

test("what a proof brings along is read as it was written", () => {
  expect(parseProofExtra(encodeProofExtra(extra))).toEqual(extra)
  expect(parseProofExtra(encodeProofExtra({ ...extra, receipt: null })).receipt).toBeNull()
})

test.each([
  { why: "another version", change: (text: string) => text.replace('"v":1', '"v":2') },
  { why: "a member too many", change: (text: string) => text.replace('"v":1', '"v":1,"w":1') },
  { why: "a space", change: (text: string) => text.replace('"v":1', '"v": 1') },
  { why: "a leaf that is not base64", change: (text: string) => text.replace('"bGVhZg=="', '"!"') },
])("refuses extra with $why", ({ change }) => {
  const text = new TextDecoder().decode(encodeProofExtra(extra))
  expect(() => parseProofExtra(utf8(change(text)))).toThrow(
    expect.objectContaining({ code: "input/malformed" }),
  )
})
