import { join } from "node:path"
import { utf8, verifyEd25519 } from "@amc/core"
import { expect, test } from "vitest"
import { temporaryFolder } from "./folder.fixture.ts"
import { lowestKdfCost } from "./kdf.ts"
import { createRootKeyFile, openRootSigners } from "./root-key-file.ts"
import { createWitnessKeyFile, openWitnessSigner } from "./witness-key-file.ts"

const passphrase = utf8("correct horse")

test("a witness's key comes back out of its file with the passphrase, and signs", async () => {
  const path = join(temporaryFolder(), "witness.amckey")
  const { key } = await createWitnessKeyFile(path, passphrase, lowestKdfCost)
  const signer = await openWitnessSigner(path, passphrase)
  expect(signer.key.kid).toBe(key.kid)
  const message = utf8("a checkpoint")
  expect(verifyEd25519(key, message, signer.sign(message))).toBe(true)
  await expect(openWitnessSigner(path, utf8("wrong"))).rejects.toMatchObject({
    code: "vault/wrong-passphrase",
  })
  await expect(createWitnessKeyFile(path, passphrase)).rejects.toMatchObject({
    code: "vault/exists",
  })
})

test("a witness's key is no owner's, and an owner's is no witness's", async () => {
  const folder = temporaryFolder()
  const [witness, owner] = [join(folder, "witness"), join(folder, "owner")]
  await createWitnessKeyFile(witness, passphrase, lowestKdfCost)
  await createRootKeyFile(owner, passphrase, lowestKdfCost)
  const locked = { code: "vault/locked" }
  await expect(openRootSigners(witness, passphrase)).rejects.toMatchObject(locked)
  await expect(openWitnessSigner(owner, passphrase)).rejects.toMatchObject(locked)
})
