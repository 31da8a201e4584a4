import { argon2Sync, hkdfSync } from "node:crypto"
import { utf8 } from "@amc/core"
import { expect, test } from "vitest"
import { deriveSlotKey, fitsCheck, isAllowedCost, lowestKdfCost } from "./kdf.ts"

const salt = Uint8Array.from({ length: 16 }, (_, at) => at)

test("derives what another implementation of argon2id and hkdf derives", async () => {
  const { m, t, p } = lowestKdfCost
  const key = await deriveSlotKey(utf8("correct horse"), salt, lowestKdfCost)
  const master = argon2Sync("argon2id", {
    message: "correct horse",
    nonce: salt,
    memory: m,
    passes: t,
    parallelism: p,
    tagLength: 32,
  })
  const expand = (info: string, size: number): Uint8Array =>
    new Uint8Array(hkdfSync("sha256", master, "", info, size))
  expect(key.wrapKey).toEqual(expand("amc-vault/v1/wrap", 32))
  expect(key.check).toEqual(expand("amc-vault/v1/check", 16))
})

test.each([
  { why: "memory below the floor", cost: { m: 19_455, t: 2, p: 1 } },
  { why: "passes below the floor", cost: { m: 19_456, t: 1, p: 1 } },
  { why: "no lanes", cost: { m: 19_456, t: 2, p: 0 } },
  { why: "a memory bomb", cost: { m: 1_048_577, t: 2, p: 1 } },
  { why: "a time bomb", cost: { m: 19_456, t: 11, p: 1 } },
  { why: "a thread bomb", cost: { m: 19_456, t: 2, p: 17 } },
  { why: "a fraction", cost: { m: 19_456.5, t: 2, p: 1 } },
])("refuses $why", async ({ cost }) => {
  expect(isAllowedCost(cost)).toBe(false)
  await expect(deriveSlotKey(utf8("x"), salt, cost)).rejects.toMatchObject({
    code: "vault/damaged",
  })
})

test("refuses an empty passphrase", async () => {
  const derived = deriveSlotKey(new Uint8Array(), salt, lowestKdfCost)
  await expect(derived).rejects.toMatchObject({ code: "usage/invalid" })
})

test("tells a check value from every other", () => {
  const key = { wrapKey: new Uint8Array(32), check: new Uint8Array(16).fill(7) }
  expect(fitsCheck(key, new Uint8Array(16).fill(7))).toBe(true)
  expect(fitsCheck(key, new Uint8Array(16).fill(8))).toBe(false)
  expect(fitsCheck(key, new Uint8Array(15).fill(7))).toBe(false)
})
