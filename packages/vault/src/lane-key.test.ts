import { generateKeyPairSync } from "node:crypto"
import { verifyEd25519 } from "@amc/core"
import * as fc from "fast-check"
import { expect, test } from "vitest"
import { laneKeySigner } from "./lane-key.ts"
import { generatePrivateKey, privateKeySigner } from "./private-key.ts"

test("signs what OpenSSL signs, byte for byte, and it verifies", async () => {
  const pkcs8 = generatePrivateKey()
  const [fast, plain] = [await laneKeySigner(pkcs8), privateKeySigner(pkcs8)]
  expect(fast.key).toEqual(plain.key)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), (message) => {
      const signature = fast.sign(message)
      expect(signature).toEqual(plain.sign(message))
      return verifyEd25519(fast.key, message, signature)
    }),
  )
})

test("goes on signing when the caller has wiped its bytes", async () => {
  const pkcs8 = generatePrivateKey()
  const plain = privateKeySigner(pkcs8)
  const fast = await laneKeySigner(pkcs8)
  pkcs8.fill(0)
  const message = new Uint8Array([1, 2, 3])
  expect(fast.sign(message)).toEqual(plain.sign(message))
})

test("libsodium is what signs on this platform", async () => {
  const { sign } = await laneKeySigner(generatePrivateKey())
  expect(String(sign)).toContain("crypto_sign_detached")
})

test.each([
  { why: "no bytes", bytes: new Uint8Array() },
  { why: "no key", bytes: new Uint8Array(48) },
  {
    why: "a key of another kind",
    bytes: generateKeyPairSync("x25519").privateKey.export({ format: "der", type: "pkcs8" }),
  },
])("refuses $why", async ({ bytes }) => {
  await expect(laneKeySigner(bytes)).rejects.toMatchObject({ code: "vault/damaged" })
})
