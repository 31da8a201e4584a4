import { ed25519 as noble, ed25519ph } from "@noble/curves/ed25519.js"
import { sha512 } from "@noble/hashes/sha2.js"
import { expect, test } from "vitest"
import { concatBytes, fromHex, toHex, utf8 } from "./bytes.ts"
import { sha256Hex } from "./digest.ts"
import { ed25519Spki, publicKeyFromRaw, publicKeyFromSpki, verifyEd25519 } from "./ed25519.ts"
import type { PublicKey } from "./public-key.ts"
import { seededSigner } from "./testing/seeded-signer.ts"

const refused: unknown = expect.objectContaining({ code: "key/refused" })
const message = utf8("message")
const signer = seededSigner(1)
const other = seededSigner(2)
const signature = signer.sign(message)

test("verifies test 1 of RFC 8032 section 7.1", () => {
  const key = publicKeyFromRaw(
    fromHex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"),
  )
  const known = fromHex(
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155" +
      "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
  )
  expect(verifyEd25519(key, new Uint8Array(0), known)).toBe(true)
  expect(verifyEd25519(key, Uint8Array.of(0), known)).toBe(false)
})

test("a kid is the digest of the spki", () => {
  const { kid, raw, spki } = signer.key
  expect(spki).toEqual(ed25519Spki(raw))
  expect(kid).toBe(sha256Hex(spki))
  expect(publicKeyFromSpki(spki)).toEqual(signer.key)
})

test.each([
  { why: "the point of order 1", hex: `01${"00".repeat(31)}` },
  { why: "the point of order 1 with the sign bit", hex: `01${"00".repeat(30)}80` },
  { why: "the point of order 2", hex: `ec${"ff".repeat(30)}7f` },
  { why: "the point of order 2 with the sign bit", hex: `ec${"ff".repeat(31)}` },
  { why: "a point of order 4", hex: "00".repeat(32) },
  { why: "the other point of order 4", hex: `${"00".repeat(31)}80` },
  {
    why: "a point of order 8",
    hex: "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  },
  {
    why: "another point of order 8",
    hex: "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
  },
  {
    why: "a third point of order 8",
    hex: "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  },
  {
    why: "the last point of order 8",
    hex: "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
  },
  { why: "y = p", hex: `ed${"ff".repeat(30)}7f` },
  { why: "y = p + 3, a point if it were reduced", hex: `f0${"ff".repeat(30)}7f` },
  { why: "y = 2^255 - 1 with the sign bit", hex: "ff".repeat(32) },
  { why: "y = 2, which is not on the curve", hex: `02${"00".repeat(31)}` },
  { why: "31 bytes", hex: "11".repeat(31) },
  { why: "33 bytes", hex: "11".repeat(33) },
  { why: "nothing", hex: "" },
])("S04 refuses as a key $why", ({ hex }) => {
  expect(() => publicKeyFromRaw(fromHex(hex))).toThrow(refused)
  expect(() => publicKeyFromSpki(ed25519Spki(fromHex(hex)))).toThrow(refused)
})

test.each([
  {
    why: "a key of another kind",
    spki: fromHex(`302a300506032b6570042100${toHex(signer.key.raw)}`),
  },
  { why: "x25519", spki: fromHex(`302a300506032b656e032100${toHex(signer.key.raw)}`) },
  { why: "bytes at the end", spki: concatBytes(signer.key.spki, Uint8Array.of(0)) },
  { why: "a key cut short", spki: signer.key.spki.subarray(0, 43) },
  { why: "nothing", spki: new Uint8Array(0) },
])("refuses as an spki $why", ({ spki }) => {
  expect(() => publicKeyFromSpki(spki)).toThrow(refused)
})

test("every flipped bit of a signature breaks it", () => {
  for (let bit = 0; bit < 512; bit++) {
    const flipped = Uint8Array.from(signature)
    flipped[bit >> 3]! ^= 1 << (bit & 7)
    expect(verifyEd25519(signer.key, message, flipped)).toBe(false)
  }
})

test.each([
  { why: "63 bytes", of: signature.subarray(1) },
  { why: "65 bytes", of: concatBytes(signature, Uint8Array.of(0)) },
  { why: "nothing", of: new Uint8Array(0) },
])("a signature of $why does not verify", ({ of }) => {
  expect(verifyEd25519(signer.key, message, of)).toBe(false)
})

test("S19 a signature over the digest of a message (Ed25519ph) is none of the message", () => {
  const seed = new Uint8Array(32).fill(7)
  const key = publicKeyFromRaw(noble.getPublicKey(seed))
  const prehashed = ed25519ph.sign(message, seed)
  expect(ed25519ph.verify(prehashed, message, key.raw)).toBe(true)
  expect(verifyEd25519(key, message, prehashed)).toBe(false)
  expect(verifyEd25519(key, sha512(message), prehashed)).toBe(false)
  expect(verifyEd25519(key, message, noble.sign(message, seed))).toBe(true)
})

test("a key that came through a structured clone still verifies", () => {
  const key = structuredClone(signer.key)
  expect(verifyEd25519(key, message, signature)).toBe(true)
  expect(verifyEd25519(key, message, signature)).toBe(true)
})

test("changing the bytes a key was made of does not change the key", () => {
  const raw = Uint8Array.from(signer.key.raw)
  const key = publicKeyFromRaw(raw)
  raw.fill(0)
  expect(verifyEd25519(key, message, signature)).toBe(true)
})

test.each<{ why: string; key: PublicKey }>([
  { why: "another key's kid", key: { ...signer.key, kid: other.key.kid } },
  { why: "another key's spki", key: { ...signer.key, spki: other.key.spki } },
  { why: "another key's raw bytes", key: { ...signer.key, raw: other.key.raw } },
  {
    why: "a point of low order",
    key: ((raw) => ({ raw, spki: ed25519Spki(raw), kid: sha256Hex(ed25519Spki(raw)) }))(
      new Uint8Array(32),
    ),
  },
])("a hand-made key object with $why verifies nothing", ({ key }) => {
  expect(verifyEd25519(key, message, signature)).toBe(false)
})

test.each([
  { why: "no signature", signature: new Uint8Array(64), key: signer.key },
  { why: "a scalar beyond the group order", signature: signature.with(63, 0x7f), key: signer.key },
  { why: "another kid", signature, key: { ...signer.key, kid: other.key.kid } },
])("whoever decides the equation decides nothing else: $why", ({ signature: of, key }) => {
  const asked: Uint8Array[] = []
  const yes = (_key: PublicKey, _message: Uint8Array, one: Uint8Array): boolean =>
    asked.push(one) > 0
  expect(verifyEd25519(key, message, of, yes)).toBe(false)
  expect(asked).toEqual([])
  expect(verifyEd25519(signer.key, message, signature, yes)).toBe(true)
  expect(verifyEd25519(signer.key, message, signature, () => false)).toBe(false)
})
