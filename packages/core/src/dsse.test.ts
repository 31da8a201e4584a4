import * as fc from "fast-check"
import { expect, test } from "vitest"
import { concatBytes, fromHex, text, utf8 } from "./bytes.ts"
import { encodeEnvelope, pae, parseEnvelope, signEnvelope, verifyEnvelope } from "./dsse.ts"
import { publicKeyFromRaw } from "./ed25519.ts"
import { isFault } from "./errors.ts"
import { seededSigner } from "./testing/seeded-signer.ts"
import { ownVectors } from "./testing/vectors.ts"

interface Vectors {
  readonly keys: readonly { kid: string; raw: string }[]
  readonly pae: readonly { why: string; payload_type: string; payload: string; pae: string }[]
  readonly accepted: readonly {
    why: string
    envelope: string
    payload_type: string
    payload: string
    signed_by: string[]
  }[]
  readonly refused: readonly { why: string; envelope: string }[]
}

const malformed: unknown = expect.objectContaining({ code: "input/malformed" })
const vectors = ownVectors<Vectors>("dsse.json")
const keys = new Map(vectors.keys.map(({ kid, raw }) => [kid, publicKeyFromRaw(fromHex(raw))]))
const [one, two] = [seededSigner(1), seededSigner(2)]

test("there are vectors of every kind", () => {
  expect(vectors.pae.length).toBeGreaterThan(1)
  expect(vectors.accepted.length).toBeGreaterThan(5)
  expect(vectors.refused.length).toBeGreaterThan(15)
  expect([...keys].every(([kid, key]) => key.kid === kid)).toBe(true)
})

test.each(vectors.pae)("encodes before authentication: $why", (vector) => {
  expect(text(pae(vector.payload_type, utf8(vector.payload)))).toBe(vector.pae)
})

test.each(vectors.accepted)("reads an envelope and counts its good signatures: $why", (vector) => {
  const envelope = parseEnvelope(utf8(vector.envelope))
  expect(text(envelope.payload)).toBe(vector.payload)
  expect([...verifyEnvelope(envelope, vector.payload_type, keys)]).toEqual(vector.signed_by)
  expect(text(encodeEnvelope(envelope))).toBe(vector.envelope)
})

test.each(vectors.refused)("refuses an envelope with $why", ({ envelope }) => {
  expect(() => parseEnvelope(utf8(envelope))).toThrow(malformed)
})

test("writes the envelope that the vectors hold", () => {
  const [both] = vectors.accepted
  const envelope = signEnvelope(both!.payload_type, utf8(both!.payload), [two, one])
  expect(text(encodeEnvelope(envelope))).toBe(both!.envelope)
})

test("refuses to sign with nobody, or twice with one key", () => {
  expect(() => signEnvelope("t", utf8("p"), [])).toThrow(malformed)
  expect(() => signEnvelope("t", utf8("p"), [one, one])).toThrow(malformed)
})

test("refuses to write what it would not read", () => {
  const envelope = signEnvelope("t", utf8("p"), [one, two])
  const signatures = envelope.signatures.toReversed()
  expect(() => encodeEnvelope({ ...envelope, signatures })).toThrow(malformed)
})

test("a key filed under another key's kid does not count", () => {
  const envelope = signEnvelope("t", utf8("p"), [one])
  const relabelled = {
    ...envelope,
    signatures: [{ ...envelope.signatures[0]!, keyid: two.key.kid }],
  }
  expect(verifyEnvelope(relabelled, "t", new Map([[two.key.kid, one.key]]))).toEqual(new Set())
})

test("different types and payloads never have the same encoding", () => {
  const short = fc.string({ unit: fc.constantFrom(..."0 1"), maxLength: 4 })
  fc.assert(
    fc.property(short, short, short, short, (typeA, a, typeB, b) => {
      const same = text(pae(typeA, utf8(a))) === text(pae(typeB, utf8(b)))
      expect(same).toBe(typeA === typeB && a === b)
    }),
    { numRuns: 2000 },
  )
})

test("any payload survives", () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.string({ unit: "binary" }), (payload, payloadType) => {
      const envelope = parseEnvelope(encodeEnvelope(signEnvelope(payloadType, payload, [one])))
      expect(envelope.payload).toEqual(payload)
      expect(verifyEnvelope(envelope, payloadType, keys)).toEqual(new Set([one.key.kid]))
    }),
    { numRuns: 50 },
  )
})

test("no single bit of an envelope can change unnoticed", () => {
  const bytes = encodeEnvelope(signEnvelope("application/x", utf8("payload"), [one]))
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = concatBytes(bytes)
    flipped[bit >> 3]! ^= 1 << (bit & 7)
    try {
      expect([bit, verifyEnvelope(parseEnvelope(flipped), "application/x", keys).size]).toEqual([
        bit,
        0,
      ])
    } catch (error) {
      if (!isFault(error, "input/malformed")) throw error
    }
  }
})
