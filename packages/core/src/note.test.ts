import * as fc from "fast-check"
import { expect, test } from "vitest"
import { toHex, utf8 } from "./bytes.ts"
import { isFault } from "./errors.ts"
import { isKeyName, keyId, openNote, parseNote, signatureLine, signNote } from "./note.ts"
import { seededSigner } from "./testing/seeded-signer.ts"
import { ownVectors } from "./testing/vectors.ts"
import { parseVkey, vkey } from "./vkey.ts"

interface Vectors {
  readonly accepted: readonly {
    why: string
    verifiers: string[]
    note: string
    text: string
    signed_by: string[]
  }[]
  readonly refused: readonly { why: string; error: string; verifiers: string[]; note: string }[]
  readonly verifier_keys: {
    readonly accepted: readonly { why: string; name: string; raw: string; text: string }[]
    readonly refused: readonly { why: string; error: string; text: string }[]
  }
}

const vectors = ownVectors<Vectors>("note.json")
const malformed: unknown = expect.objectContaining({ code: "input/malformed" })
const [one, two] = [seededSigner(1), seededSigner(2)]

test("there are vectors of every kind", () => {
  expect(vectors.accepted.length).toBeGreaterThan(5)
  expect(vectors.refused.length).toBeGreaterThan(15)
  expect(vectors.verifier_keys.accepted.length).toBeGreaterThan(0)
  expect(vectors.verifier_keys.refused.length).toBeGreaterThan(5)
})

test.each(vectors.accepted)("opens $why", ({ verifiers, note, text, signed_by }) => {
  expect(openNote(note, verifiers.map(parseVkey))).toEqual({ text, signedBy: signed_by })
})

test.each(vectors.refused)("refuses a note with $why", ({ verifiers, note, error }) => {
  expect(() => openNote(note, verifiers.map(parseVkey))).toThrow(
    expect.objectContaining({ code: error }),
  )
})

test.each(vectors.verifier_keys.accepted)("reads and writes a verifier key: $why", (vector) => {
  const { name, key } = parseVkey(vector.text)
  expect({ name, raw: toHex(key.raw) }).toEqual({ name: vector.name, raw: vector.raw })
  expect(vkey(name, key)).toBe(vector.text)
})

test.each(vectors.verifier_keys.refused)("refuses a verifier key with $why", ({ text, error }) => {
  expect(() => parseVkey(text)).toThrow(expect.objectContaining({ code: error }))
})

test.each([
  { why: "does not end in a newline", text: "a" },
  { why: "is empty", text: "" },
  { why: "has a control character", text: "a\u001b[2J\n" },
  { why: "has a lone surrogate", text: "\ud800\n" },
])("does not sign a text that $why", ({ text }) => {
  expect(() => signNote(text, "name", one)).toThrow(malformed)
})

test.each(["", "a b", "a+b", "a\u00a0b", "a\u2028b", "a\u0000b", "a\nb", "\ud800"])(
  "does not take %j for a key name",
  (name) => {
    expect(isKeyName(name)).toBe(false)
    expect(() => signNote("a\n", name, one)).toThrow(malformed)
    expect(() => vkey(name, one.key)).toThrow(malformed)
  },
)

test("any text survives, empty lines included", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."a\n \u2014\u00e8") }), (body) => {
      const text = `${body}\n`
      const note = signNote(text, "name", one)
      expect(openNote(note, [{ name: "name", key: one.key }])).toEqual({ text, signedBy: ["name"] })
    }),
    { numRuns: 50 },
  )
})

test("a note taken apart and put together again is the same note", () => {
  const note = vectors.accepted[2]!.note
  const { text, signatures } = parseNote(note)
  expect(`${text}\n${signatures.map(signatureLine).join("")}`).toBe(note)
})

test("a lone surrogate is refused before anybody verifies", () => {
  const note = signNote("a\n", "name", one).replace("a", "\ud800")
  expect(() => parseNote(note)).toThrow(malformed)
})

test("two keys with one name and one id can't both be satisfied by one signature", () => {
  const note = signNote("a\n", "name", one)
  const impostor = { ...two.key, raw: one.key.raw }
  expect(keyId("name", impostor)).toBe(keyId("name", one.key))
  const verifiers = [one.key, impostor].map((key) => ({ name: "name", key }))
  expect(() => openNote(note, verifiers)).toThrow(
    expect.objectContaining({ code: "note/bad-signature" }),
  )
})

test("no single bit of a note can change unnoticed", () => {
  const bytes = utf8(signNote("ledger.example\n7\n", "name", one))
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = Buffer.from(bytes)
    flipped[bit >> 3]! ^= 1 << (bit & 7)
    try {
      openNote(flipped.toString(), [{ name: "name", key: one.key }])
      expect.fail(`bit ${bit} changed unnoticed`)
    } catch (error) {
      if (!isFault(error, "input/malformed", "note/bad-signature", "note/untrusted")) throw error
    }
  }
})
