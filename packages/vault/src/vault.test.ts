import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { utf8 } from "@amc/core"
import { expect, test } from "vitest"
import { temporaryFolder } from "./folder.fixture.ts"
import { lowestKdfCost } from "./kdf.ts"
import { keptProviderKeys, openProviderKey, storeProviderKey } from "./provider-key.ts"
import type { Secrets } from "./secrets.ts"
import { vaultState } from "./stored-vault.ts"
import { changePassphrase, changeSlot, createVault, openSlot } from "./vault.ts"

const [monitor, auditor] = [utf8("monitor's passphrase"), utf8("auditor's passphrase")]
const secret = (text: string): Secrets => new Map([["key/x", utf8(text)]])

async function newVault(): Promise<string> {
  const path = join(temporaryFolder(), "vault.amcvault")
  const slots = {
    monitor: { passphrase: monitor, secrets: secret("m1") },
    auditor: { passphrase: auditor, secrets: secret("a1") },
  }
  await createVault(path, slots, lowestKdfCost)
  return path
}

test("keeps secrets in a file that only the owner may read, and never in the clear", async () => {
  const path = await newVault()
  expect(await openSlot(path, "monitor", monitor)).toEqual(secret("m1"))
  expect(await openSlot(path, "auditor", auditor)).toEqual(secret("a1"))
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(readFileSync(path).includes("key/x")).toBe(false)
})

test("a wrong passphrase is a clear error and leaves the file as it is", async () => {
  const path = await newVault()
  const [before, { mtimeNs }] = [readFileSync(path), statSync(path, { bigint: true })]
  const wrong = {
    code: "vault/wrong-passphrase",
    message: "the passphrase does not open this slot",
  }
  await expect(openSlot(path, "monitor", auditor)).rejects.toMatchObject(wrong)
  await expect(changeSlot(path, "monitor", utf8("x"), (all) => all)).rejects.toMatchObject(wrong)
  const passphrases = { current: utf8("y"), next: utf8("z") }
  await expect(changePassphrase(path, "monitor", passphrases, lowestKdfCost)).rejects.toMatchObject(
    wrong,
  )
  expect(readFileSync(path)).toEqual(before)
  expect(statSync(path, { bigint: true }).mtimeNs).toBe(mtimeNs)
  expect(readdirSync(join(path, ".."))).toEqual(["vault.amcvault"])
})

test("one slot's passphrase rewrites that slot and leaves the others byte for byte", async () => {
  const path = await newVault()
  const state = await changeSlot(path, "monitor", monitor, () => secret("m2"))
  expect(state).toEqual(vaultState(path))
  expect(state.generation).toBe(2)
  expect(await openSlot(path, "monitor", monitor)).toEqual(secret("m2"))
  expect(await openSlot(path, "auditor", auditor)).toEqual(secret("a1"))
  expect((await changeSlot(path, "auditor", auditor, () => secret("a2"))).generation).toBe(3)
  expect(await openSlot(path, "monitor", monitor)).toEqual(secret("m2"))
})

test("every rewrite gives other bytes, even of the same secrets", async () => {
  const path = await newVault()
  const first = vaultState(path)
  const second = await changeSlot(
    path,
    "monitor",
    monitor,
    (all) => new Map([...all].map(([name, value]) => [name, value.slice()])),
  )
  expect(second.sha256).not.toBe(first.sha256)
})

test("an unchanged map may be returned as it is", async () => {
  const path = await newVault()
  await changeSlot(path, "monitor", monitor, (all) => all)
  expect(await openSlot(path, "monitor", monitor)).toEqual(secret("m1"))
})

test("a slot moves to another passphrase", async () => {
  const path = await newVault()
  const next = utf8("next")
  await changePassphrase(path, "auditor", { current: auditor, next }, lowestKdfCost)
  expect(await openSlot(path, "auditor", next)).toEqual(secret("a1"))
  await expect(openSlot(path, "auditor", auditor)).rejects.toMatchObject({
    code: "vault/wrong-passphrase",
  })
  expect(await openSlot(path, "monitor", monitor)).toEqual(secret("m1"))
})

test("of two rewriters at once, one fails and loses nothing of the other's", async () => {
  const path = await newVault()
  const add = (name: string) => (all: Secrets) => new Map(all).set(name, utf8(name))
  const outcomes = await Promise.allSettled([
    changeSlot(path, "monitor", monitor, add("one")),
    changeSlot(path, "auditor", auditor, add("two")),
  ])
  const [lost] = outcomes.filter((outcome) => outcome.status === "rejected")
  expect(outcomes.filter((outcome) => outcome.status === "fulfilled")).toHaveLength(1)
  expect(lost?.reason).toMatchObject({ code: "store/conflict" })
  const names = [
    ...(await openSlot(path, "monitor", monitor)).keys(),
    ...(await openSlot(path, "auditor", auditor)).keys(),
  ]
  expect(names).toHaveLength(3)
  expect(vaultState(path).generation).toBe(2)
})

test("never overwrites a vault", async () => {
  const path = await newVault()
  const before = readFileSync(path)
  const slots = { root: { passphrase: monitor, secrets: secret("r") } }
  await expect(createVault(path, slots, lowestKdfCost)).rejects.toMatchObject({
    code: "vault/exists",
  })
  expect(readFileSync(path)).toEqual(before)
})

test.each([
  { why: "no slot", slots: {}, cost: lowestKdfCost },
  {
    why: "a cost below the floor",
    slots: { root: { passphrase: monitor, secrets: secret("r") } },
    cost: { m: 8, t: 1, p: 1 },
  },
  {
    why: "an empty passphrase",
    slots: { root: { passphrase: new Uint8Array(), secrets: secret("r") } },
    cost: lowestKdfCost,
  },
])("writes no vault with $why", async ({ slots, cost }) => {
  const path = join(temporaryFolder(), "vault.amcvault")
  await expect(createVault(path, slots, cost)).rejects.toMatchObject({ code: "usage/invalid" })
  await expect(openSlot(path, "root", monitor)).rejects.toMatchObject({ code: "vault/missing" })
})

test("a slot that the file does not have stays locked", async () => {
  await expect(openSlot(await newVault(), "root", monitor)).rejects.toMatchObject({
    code: "vault/locked",
  })
})

const isRoot = process.getuid?.() === 0

test.for([
  { why: "readable by others", spoil: (path: string) => chmodSync(path, 0o644), needsRoot: false },
  {
    why: "writable by the group",
    spoil: (path: string) => chmodSync(path, 0o620),
    needsRoot: false,
  },
  { why: "another user's", spoil: (path: string) => chownSync(path, 4242, 4242), needsRoot: true },
  { why: "a symbolic link", spoil: linkAway, needsRoot: false },
  { why: "a folder", spoil: folderAway, needsRoot: false },
])("refuses to read or replace a vault that is $why", async ({ spoil, needsRoot }, { skip }) => {
  skip(needsRoot && !isRoot, "only root can give files away")
  const path = await newVault()
  spoil(path)
  const unsafe = { code: "vault/unsafe-file" }
  await expect(openSlot(path, "monitor", monitor)).rejects.toMatchObject(unsafe)
  await expect(changeSlot(path, "monitor", monitor, (all) => all)).rejects.toMatchObject(unsafe)
  expect(() => vaultState(path)).toThrow(expect.objectContaining(unsafe))
})

function linkAway(path: string): void {
  renameSync(path, `${path}.real`)
  symlinkSync(`${path}.real`, path)
}

function folderAway(path: string): void {
  renameSync(path, `${path}.real`)
  mkdirSync(path, { mode: 0o700 })
}

test("a vault that became unsafe while it was being changed is not replaced", async () => {
  const path = await newVault()
  const changed = changeSlot(path, "monitor", monitor, (all) => {
    linkAway(path)
    return all
  })
  await expect(changed).rejects.toMatchObject({ code: "vault/unsafe-file" })
  expect(statSync(`${path}.real`).isFile()).toBe(true)
})

test("a damaged file is refused without asking for the passphrase's cost", async () => {
  const path = await newVault()
  const bytes = readFileSync(path)
  bytes[bytes.length - 40]! ^= 1
  writeFileSync(path, bytes)
  await expect(openSlot(path, "monitor", monitor)).rejects.toMatchObject({ code: "vault/damaged" })
  writeFileSync(path, Buffer.alloc(1_048_577))
  await expect(openSlot(path, "monitor", monitor)).rejects.toMatchObject({
    code: "input/too-large",
  })
})

test("never writes a vault that it could not read again", async () => {
  const path = await newVault()
  const before = vaultState(path)
  const many = Array.from({ length: 70 }, (_, at) => [`x${at}`, new Uint8Array(16_384)] as const)
  await expect(changeSlot(path, "monitor", monitor, () => new Map(many))).rejects.toMatchObject({
    code: "input/too-large",
  })
  expect(vaultState(path)).toEqual(before)
})

test("provider keys live in the monitor's slot, each with the place that it is for", async () => {
  const path = await newVault()
  const [one, two] = ["https://one.example", "unix:/two"]
  const store = (name: string, text: string, goesTo: string) =>
    storeProviderKey(path, monitor, name, { key: utf8(text), goesTo })
  expect(await openProviderKey(path, monitor, "openai")).toBeNull()
  await store("openai", "sk-one", one)
  await store("other", "sk-two", two)
  expect(await openProviderKey(path, monitor, "openai")).toEqual({
    key: utf8("sk-one"),
    goesTo: one,
  })
  await store("openai", "sk-new", two)
  expect(await openProviderKey(path, monitor, "openai")).toEqual({
    key: utf8("sk-new"),
    goesTo: two,
  })
  expect(await keptProviderKeys(path, monitor)).toEqual(
    new Map([
      ["openai", two],
      ["other", two],
    ]),
  )
  await expect(store("../x", "sk-one", one)).rejects.toMatchObject({ code: "input/malformed" })
})

test("a key is not given without the place that it is for, and no other name is taken for one", async () => {
  const path = await newVault()
  const key = utf8("sk-one")
  await changeSlot(path, "monitor", monitor, (all) => new Map(all).set("provider/openai", key))
  expect(await openProviderKey(path, monitor, "openai")).toBeNull()
  await storeProviderKey(path, monitor, "openai.place", { key, goesTo: "https://x.example" })
  expect(await openProviderKey(path, monitor, "openai")).toBeNull()
  expect([...(await keptProviderKeys(path, monitor)).keys()]).toEqual(["openai.place"])
})
