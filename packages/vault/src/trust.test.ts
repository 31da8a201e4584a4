import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type JsonObject, keyRoles, parseEnvelope, parseCanonical, utf8 } from "@amc/core"
import { expect, test } from "vitest"
import { temporaryFolder } from "./folder.fixture.ts"
import { lowestKdfCost } from "./kdf.ts"
import { openLaneSigner } from "./lane-signer.ts"
import { loadKeyring } from "./trust-files.ts"
import { createTrust, type Trust, type TrustTerms } from "./trust.ts"
import { rootPath, trustPaths, vaultPathOf } from "./trust-paths.ts"
import { vaultState } from "./stored-vault.ts"
import { openSlot } from "./vault.ts"

const passphrases = { root: utf8("r"), auditor: utf8("a"), monitor: utf8("m") }

function terms(dir: string): TrustTerms {
  return {
    dir,
    workspace: "acme",
    lane: "lane-1",
    clock: () => 1000,
    passphrases,
    cost: lowestKdfCost,
  }
}

async function newTrust(): Promise<Trust & { dir: string }> {
  const dir = join(temporaryFolder(), ".amc")
  return { dir, ...(await createTrust(terms(dir))) }
}

test("makes one key per role, certified by the root that it tells to pin", async () => {
  const { dir, root, vault } = await newTrust()
  const keyring = loadKeyring(dir, root)
  expect(root).toMatch(/^sha256:[0-9a-f]{64}$/u)
  expect(vault).toEqual(vaultState(vaultPathOf(dir)))
  const roles = keyRoles.map((role) => keyring.keys(role))
  expect(roles.map((keys) => keys.size)).toEqual([1, 1, 1, 1])
  const kids = [
    ...roles.flatMap((keys) => [...keys.keys()]),
    ...keyring.roots.current.keys.map(({ kid }) => kid),
  ]
  expect(new Set(kids).size).toBe(5)
  expect(keyring.roots.pinned).toMatchObject({
    workspace: "acme",
    version: 1,
    threshold: 1,
    createdMs: 1000,
  })
  expect(keyring.revocations).toMatchObject({ version: 1, createdMs: 1000 })
  expect(keyring.revocations.revoked.size).toBe(0)
})

test("keeps each role's key in that role's slot", async () => {
  const path = vaultPathOf((await newTrust()).dir)
  const names = async (slot: "root" | "auditor" | "monitor"): Promise<string[]> => [
    ...(await openSlot(path, slot, passphrases[slot])).keys(),
  ]
  expect(await names("root")).toEqual(["key/root"])
  expect(await names("auditor")).toEqual(["key/auditor", "key/release"])
  expect(await names("monitor")).toEqual(["key/ledger", "key/monitor"])
})

test("the lane's signer signs by the certified monitor key, in its lane and from its time on", async () => {
  const { dir, root } = await newTrust()
  const signer = await openLaneSigner(vaultPathOf(dir), passphrases.monitor)
  const keyring = loadKeyring(dir, root)
  const place = { lane: "lane-1", index: 0, ts: 1000 }
  expect(keyring.monitorKey(signer.key.kid, place)).toEqual(signer.key)
  expect(keyring.monitorKey(signer.key.kid, { ...place, lane: "lane-2" })).toBeUndefined()
  expect(keyring.monitorKey(signer.key.kid, { ...place, ts: 999 })).toBeUndefined()
  await expect(openLaneSigner(vaultPathOf(dir), passphrases.auditor)).rejects.toMatchObject({
    code: "vault/wrong-passphrase",
  })
})

test("publishes no private key", async () => {
  const { dir } = await newTrust()
  const { revocations, keys } = trustPaths(dir)
  const slots = await Promise.all(
    (["root", "auditor", "monitor"] as const).map((slot) =>
      openSlot(vaultPathOf(dir), slot, passphrases[slot]),
    ),
  )
  const secrets = slots.flatMap((slot) => [...slot.values()])
  const files = [
    rootPath(dir, 1),
    revocations,
    ...readdirSync(keys).map((name) => join(keys, name)),
  ]
  expect(secrets).toHaveLength(5)
  for (const file of files) {
    const payload = parseEnvelope(readFileSync(file)).payload
    const seen = Buffer.concat([readFileSync(file), payload]).toString("latin1")
    for (const secret of secrets)
      for (const encoding of ["base64", "hex", "latin1"] as const)
        expect(
          seen.includes(Buffer.from(secret.subarray(-32)).toString(encoding).slice(0, 40)),
        ).toBe(false)
  }
  expect(statSync(vaultPathOf(dir)).mode & 0o777).toBe(0o600)
})

test("refuses a root that is not the pinned one", async () => {
  const [ours, theirs] = [await newTrust(), await newTrust()]
  expect(() => loadKeyring(theirs.dir, ours.root)).toThrow(
    expect.objectContaining({ code: "workspace/unknown" }),
  )
  expect(() => loadKeyring(ours.dir, "")).toThrow(
    expect.objectContaining({ code: "workspace/unknown" }),
  )
})

test("refuses a certificate that another root signed, and bytes that are none", async () => {
  const [ours, theirs] = [await newTrust(), await newTrust()]
  const [name = ""] = readdirSync(trustPaths(theirs.dir).keys)
  const planted = join(trustPaths(ours.dir).keys, name)
  writeFileSync(planted, readFileSync(join(trustPaths(theirs.dir).keys, name)))
  const refused = expect.objectContaining({ code: "input/malformed" })
  expect(() => loadKeyring(ours.dir, ours.root)).toThrow(refused)
  writeFileSync(planted, "{}")
  expect(() => loadKeyring(ours.dir, ours.root)).toThrow(refused)
  rmSync(planted)
  mkdirSync(planted)
  expect(() => loadKeyring(ours.dir, ours.root)).toThrow(refused)
  rmSync(planted, { recursive: true })
  writeFileSync(planted, new Uint8Array(65_537))
  expect(() => loadKeyring(ours.dir, ours.root)).toThrow(
    expect.objectContaining({ code: "input/too-large" }),
  )
})

test("without a root there is no workspace", () => {
  expect(() => loadKeyring(temporaryFolder(), "sha256:")).toThrow(
    expect.objectContaining({ code: "workspace/missing" }),
  )
})

test("never makes a second trust over a first, or over a vault without a root", async () => {
  const { dir, root } = await newTrust()
  await expect(createTrust(terms(dir))).rejects.toMatchObject({ code: "workspace/exists" })
  loadKeyring(dir, root)
  rmSync(rootPath(dir, 1))
  await expect(createTrust(terms(dir))).rejects.toMatchObject({ code: "vault/exists" })
})

test("certificates are named by the key they certify", async () => {
  const { keys } = trustPaths((await newTrust()).dir)
  for (const name of readdirSync(keys)) {
    const body = parseCanonical(parseEnvelope(readFileSync(join(keys, name))).payload) as JsonObject
    expect(name).toBe(`${String(body["kid"])}.json`)
  }
})
