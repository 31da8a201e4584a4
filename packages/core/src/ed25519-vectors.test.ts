import { createPublicKey, verify } from "node:crypto"
import { writeFileSync } from "node:fs"
import { ed25519 as noble } from "@noble/curves/ed25519.js"
import { describe, expect, test } from "vitest"
import * as browser from "./crypto-browser.ts"
import * as node from "./crypto-node.ts"
import { isCanonicalHighOrder, isCanonicalScalar } from "./curve-point.ts"
import { ed25519Spki } from "./ed25519.ts"
import {
  accepts,
  cctv,
  ed25519Vectors as vectors,
  keyOf,
  type Vector,
  wycheproof,
} from "./testing/ed25519-vectors.ts"
import { ownVectors, ownVectorsPath } from "./testing/vectors.ts"

test("there are as many vectors as the files are known to hold", () => {
  expect(cctv()).toHaveLength(914)
  expect(wycheproof()).toHaveLength(151)
})

describe.each(["ed25519-cctv.json", "ed25519-wycheproof.json"])("%s", (file) => {
  const ofFile = vectors.filter((vector) => vector.file === file)

  test("S05 decides every vector as the rule says", () => {
    const wrong = ofFile.filter((vector) => accepts(vector) !== vector.expected)
    expect(wrong.map(({ number, flags }) => ({ number, flags }))).toEqual([])
    expect(ofFile.some(({ expected }) => expected)).toBe(true)
  })

  test("node and browsers solve the equation alike", () => {
    for (const { raw, message, signature, number } of ofFile) {
      const key = keyOf(raw)
      if (key === undefined || signature.length !== 64) continue
      if (
        !isCanonicalScalar(signature.subarray(32)) ||
        !isCanonicalHighOrder(signature.subarray(0, 32))
      )
        continue
      const byNode = node.satisfiesEquation(key, message, signature)
      expect([number, browser.satisfiesEquation(key, message, signature)]).toEqual([number, byNode])
    }
  })
})

/** By which of its two rules noble accepts a vector by itself. */
function nobleRules({ raw, message, signature }: Vector): string[] {
  return [
    { rule: "zip215", zip215: true },
    { rule: "rfc8032", zip215: false },
  ].flatMap(({ rule, zip215 }) => (nobleAccepts(raw, message, signature, zip215) ? [rule] : []))
}

function nobleAccepts(
  raw: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
  zip215: boolean,
): boolean {
  try {
    return noble.verify(signature, message, raw, { zip215 })
  } catch {
    // noble throws for a signature that is not 64 bytes.
    return false
  }
}

/** What node:crypto accepts by itself: older ones take points of low order, newer ones do not. */
function nodeAccepts({ raw, message, signature }: Vector): boolean {
  const spki = { key: Buffer.from(ed25519Spki(raw)), format: "der", type: "spki" } as const
  return verify(null, message, createPublicKey(spki), signature)
}

test("spec/vectors/ed25519-refused.json lists what a library accepts and the rule refuses", () => {
  const refused = vectors
    .filter((vector) => !accepts(vector))
    .map((vector) => ({ vector, rules: nobleRules(vector) }))
    .filter(({ rules }) => rules.length > 0)
  const rows = refused.map(({ vector: { file, number, flags }, rules }) => ({
    file,
    number,
    accepted_by_noble: rules,
    flags,
  }))
  if (process.env["AMC_WRITE_VECTORS"] !== undefined) {
    const lines = rows.map((row) => `  ${JSON.stringify(row)}`).join(",\n")
    writeFileSync(ownVectorsPath("ed25519-refused.json"), `[\n${lines}\n]\n`)
  }
  expect(rows.length).toBeGreaterThan(0)
  expect(ownVectors("ed25519-refused.json")).toEqual(rows)
  const listed = new Set(refused.map(({ vector }) => vector))
  const beyond = vectors.filter((vector) => nodeAccepts(vector) && !accepts(vector))
  expect(beyond.filter((vector) => !listed.has(vector))).toEqual([])
})
