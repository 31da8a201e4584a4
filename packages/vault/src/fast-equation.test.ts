import { readFileSync } from "node:fs"
import {
  type EquationCheck,
  fromHex,
  isFault,
  platformEquation,
  publicKeyFromRaw,
  utf8,
  verifyEd25519,
} from "@amc/core"
import * as fc from "fast-check"
import { expect, test } from "vitest"
import { fastEquation, sodiumEquation } from "./fast-equation.ts"
import { generatePrivateKey, privateKeySigner } from "./private-key.ts"
import { loadSodium } from "./sodium.ts"

const sodium = await loadSodium()
const byLibsodium = sodiumEquation(sodium!)
const fast = (await fastEquation())!

interface Vector {
  readonly raw: Uint8Array
  readonly message: Uint8Array
  readonly signature: Uint8Array
}

function publicVectors<T>(name: string): T {
  const shared = new URL("../../../../shared/vectors/", import.meta.url)
  return JSON.parse(readFileSync(new URL(name, shared), "utf8")) as T
}

const cctv = publicVectors<{ key: string; msg: string; sig: string }[]>("ed25519-cctv.json").map(
  ({ key, msg, sig }): Vector => ({
    raw: fromHex(key),
    message: utf8(msg),
    signature: fromHex(sig),
  }),
)
const wycheproof = publicVectors<{
  testGroups: { publicKey: { pk: string }; tests: { msg: string; sig: string }[] }[]
}>("ed25519-wycheproof.json").testGroups.flatMap(({ publicKey, tests }) =>
  tests.map(({ msg, sig }): Vector => ({
    raw: fromHex(publicKey.pk),
    message: fromHex(msg),
    signature: fromHex(sig),
  })),
)

/** What the rule decides if this decides its equation; null if the key is refused. */
function decide({ raw, message, signature }: Vector, equation?: EquationCheck): boolean | null {
  try {
    return verifyEd25519(publicKeyFromRaw(raw), message, signature, equation)
  } catch (error) {
    if (isFault(error, "key/refused")) return null
    throw error
  }
}

test.each([
  { name: "CCTV", vectors: cctv, count: 914 },
  { name: "Wycheproof", vectors: wycheproof, count: 151 },
])("S05 every vector of $name is decided alike, also by libsodium alone", ({ vectors, count }) => {
  expect(vectors).toHaveLength(count)
  const verdicts = vectors.map((vector) => decide(vector))
  expect(verdicts.filter((verdict) => verdict === true).length).toBeGreaterThan(40)
  expect(vectors.map((vector) => decide(vector, fast))).toEqual(verdicts)
  expect(vectors.map((vector) => decide(vector, byLibsodium))).toEqual(verdicts)
})

const signer = privateKeySigner(generatePrivateKey())
const { raw } = signer.key

test("S05 signatures with any bits flipped, or made up, are decided alike, also by libsodium alone", () => {
  const whole = fc.uint8Array({ maxLength: 300 })
  const anyPart = fc.oneof(
    fc.constant("none" as const),
    fc.constantFrom("signature" as const, "message" as const, "key" as const),
  )
  fc.assert(
    fc.property(
      whole,
      anyPart,
      fc.nat(),
      fc.uint8Array({ minLength: 64, maxLength: 64 }),
      (message, part, bit, noise) => {
        const good: Vector = { raw, message, signature: signer.sign(message) }
        const vectors: Vector[] = [
          part === "none" ? good : flipped(good, part, bit),
          { ...good, signature: noise },
          {
            ...good,
            signature: Uint8Array.from([...good.signature.subarray(0, 32), ...noise.subarray(32)]),
          },
        ]
        for (const vector of vectors) {
          const verdict = decide(vector)
          expect(decide(vector, byLibsodium)).toBe(verdict)
          expect(decide(vector, fast)).toBe(verdict)
        }
        expect(decide(good, byLibsodium)).toBe(true)
      },
    ),
    { numRuns: 150 },
  )
})

function flipped(vector: Vector, part: "signature" | "message" | "key", bit: number): Vector {
  const name = part === "key" ? "raw" : part
  const bytes = Uint8Array.from(vector[name])
  if (bytes.length > 0) bytes[(bit >> 3) % bytes.length]! ^= 1 << (bit & 7)
  return { ...vector, [name]: bytes }
}

test("what libsodium refuses is asked of the platform, and what it accepts is not", () => {
  const message = utf8("message")
  const signature = signer.sign(message)
  expect(fast(signer.key, message, signature)).toBe(
    platformEquation(signer.key, message, signature),
  )
  expect(fast(signer.key, utf8("another"), signature)).toBe(false)
})
