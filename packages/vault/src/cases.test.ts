import { createDecipheriv, createCipheriv, randomBytes } from "node:crypto"
import { execFileSync } from "node:child_process"
import {
  chmodSync,
  chownSync,
  existsSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { canonicalize, concatBytes, isFault, sha256, utf8 } from "@amc/core"
import { expect, test } from "vitest"
import { temporaryFolder } from "./folder.fixture.ts"
import { deriveSlotKey, type KdfCost, lowestKdfCost } from "./kdf.ts"
import { encodeSecrets, type Secrets } from "./secrets.ts"
import { vaultState } from "./stored-vault.ts"
import { countFailure, failureState, requireNoBackOff } from "./unlock-failures.ts"
import { changePassphrase, changeSlot, createVault, openSlot } from "./vault.ts"
import { encodeVaultFile, parseVaultFile, slotHeader, type VaultSlot } from "./vault-file.ts"
import type { SlotName } from "./vault-header.ts"
import { unsealSlot } from "./vault-slot.ts"

/** The cases of research/ledger.md that a vault file alone can show; V06, V11 and V13 are in studio and e2e. */
const passphrase = utf8("one for all slots")
const secret = (value: string): Secrets => new Map([["key/x", utf8(value)]])

async function newVault(...names: SlotName[]): Promise<string> {
  const path = join(temporaryFolder(), "vault.amcvault")
  const slots = names.map((name) => [name, { passphrase, secrets: secret(`of ${name}`) }] as const)
  await createVault(path, Object.fromEntries(slots), lowestKdfCost)
  return path
}

function slotOf(path: string, name: SlotName): VaultSlot {
  return parseVaultFile(readFileSync(path)).slots.find(({ slot }) => slot === name)!
}

/** Puts another entry or section in a slot's place, with all sizes and the digest made to fit. */
function forge(path: string, name: SlotName, change: Partial<VaultSlot>): void {
  const file = parseVaultFile(readFileSync(path))
  const slots = file.slots.map((slot) => (slot.slot === name ? { ...slot, ...change } : slot))
  writeFileSync(path, encodeVaultFile({ ...file, slots }))
}

test.each<{ why: string; cost: KdfCost }>([
  { why: "less memory", cost: { m: 8, t: 2, p: 1 } },
  { why: "fewer passes", cost: { m: 19_456, t: 1, p: 1 } },
  { why: "no lanes", cost: { m: 19_456, t: 2, p: 0 } },
])(
  "V01 a header that asks for $why than the floor is damage, before any guess",
  async ({ cost }) => {
    const path = await newVault("monitor")
    forge(path, "monitor", { cost })
    await expect(openSlot(path, "monitor", utf8("x"))).rejects.toMatchObject({
      code: "vault/damaged",
    })
  },
)

test("V01 a cheaper cost above the floor is none of this slot's, even for its own key", async () => {
  const path = join(temporaryFolder(), "vault.amcvault")
  const cost = { m: 19_460, t: 2, p: 1 }
  await createVault(path, { monitor: { passphrase, secrets: secret("m") } }, cost)
  const key = await deriveSlotKey(passphrase, slotOf(path, "monitor").salt, cost)
  forge(path, "monitor", { cost: lowestKdfCost })
  const { vaultId, slots } = parseVaultFile(readFileSync(path))
  expect(() => unsealSlot(vaultId, slots[0]!, key)).toThrow(
    expect.objectContaining({ code: "vault/damaged" }),
  )
})

test.each<{ why: string; cost: KdfCost }>([
  { why: "memory", cost: { m: 1_048_577, t: 2, p: 1 } },
  { why: "passes", cost: { m: 19_456, t: 11, p: 1 } },
  { why: "lanes", cost: { m: 19_456, t: 2, p: 17 } },
])(
  "V02 a header that asks for too much $why is damage, and nothing is derived",
  async ({ cost }) => {
    const path = await newVault("monitor")
    forge(path, "monitor", { cost })
    // Had the key been derived, it would be the wrong one.
    await expect(openSlot(path, "monitor", utf8("x"))).rejects.toMatchObject({
      code: "vault/damaged",
    })
  },
)

/** Rules 7 and 8 of spec/vault.md, written once more. */
function context(path: string, purpose: string, header: object): Uint8Array {
  const { vaultId: vault_id } = parseVaultFile(readFileSync(path))
  return canonicalize({ format: "AMCVAULT/1", purpose, vault_id, header } as never)
}

async function dataKeyOf(path: string, slot: VaultSlot, by: Uint8Array): Promise<Uint8Array> {
  const { wrapKey } = await deriveSlotKey(by, slot.salt, slot.cost)
  const { wrapped: _, ...header } = slotHeader(slot)
  const nonce = slot.wrapped.subarray(0, 12)
  const open = createDecipheriv("aes-256-gcm", wrapKey, nonce, { authTagLength: 16 })
  open.setAAD(context(path, "wrap", header)).setAuthTag(slot.wrapped.subarray(-16))
  return concatBytes(open.update(slot.wrapped.subarray(12, -16)), open.final())
}

test("V03 a section under a tag of four bytes is refused, though it fits", async () => {
  const path = await newVault("monitor")
  const slot = slotOf(path, "monitor")
  const key = await dataKeyOf(path, slot, passphrase)
  const [plain, nonce] = [encodeSecrets(secret("forged")), randomBytes(12)]
  const section = new Uint8Array(12 + plain.length + 4)
  const seal = createCipheriv("aes-256-gcm", key, nonce, { authTagLength: 4 })
  // The wrapped key is bound to the old size too, so it is wrapped anew for this one.
  const { wrapKey } = await deriveSlotKey(passphrase, slot.salt, slot.cost)
  const { wrapped: _, ...header } = slotHeader({ ...slot, section })
  const wrap = createCipheriv("aes-256-gcm", wrapKey, nonce, { authTagLength: 16 })
  wrap.setAAD(context(path, "wrap", header))
  const body = concatBytes(wrap.update(key), wrap.final())
  const wrapped = concatBytes(nonce, body, wrap.getAuthTag())
  seal.setAAD(context(path, "section", { ...slotHeader({ ...slot, wrapped, section }) }))
  section.set(concatBytes(nonce, seal.update(plain), seal.final(), seal.getAuthTag()))
  forge(path, "monitor", { wrapped, section })
  await expect(openSlot(path, "monitor", passphrase)).rejects.toMatchObject({
    code: "vault/damaged",
  })
})

test("V04 no flipped bit in any byte passes, with the digest made to fit or not", async () => {
  const path = await newVault("monitor")
  const bytes = readFileSync(path)
  const { salt, cost } = slotOf(path, "monitor")
  const key = await deriveSlotKey(passphrase, salt, cost)
  const opens = (changed: Uint8Array): boolean => {
    try {
      const { vaultId, slots } = parseVaultFile(changed)
      return unsealSlot(vaultId, slots[0]!, key).size > 0
    } catch (error) {
      if (!isFault(error)) throw error
      return false
    }
  }
  expect(opens(bytes)).toBe(true)
  for (let at = 0; at < bytes.length; at++) {
    const changed = Uint8Array.from(bytes)
    changed[at]! ^= 1 << (at & 7)
    expect(opens(changed), `byte ${at}`).toBe(false)
    const whole = changed.subarray(0, -32)
    if (at < whole.length)
      expect(opens(concatBytes(whole, sha256(whole))), `byte ${at}, new digest`).toBe(false)
  }
})

test("V05 an entry does not open in another role's place, though the passphrase is the same", async () => {
  const path = await newVault("auditor", "monitor")
  const [auditor, monitor] = [slotOf(path, "auditor"), slotOf(path, "monitor")]
  forge(path, "auditor", { ...monitor, slot: "auditor" })
  forge(path, "monitor", { ...auditor, slot: "monitor" })
  for (const slot of ["auditor", "monitor"] as const)
    await expect(openSlot(path, slot, passphrase)).rejects.toMatchObject({ code: "vault/damaged" })
})

test("V07 wrong passphrases change nothing, and after three in a row each waits twice as long", async () => {
  const path = await newVault("monitor")
  const failures = join(temporaryFolder(), "failures.json")
  const [before, { mtimeNs, ino }] = [readFileSync(path), statSync(path, { bigint: true })]
  const waits: number[] = []
  for (let now = 1000; waits.length < 13;) {
    requireNoBackOff(failures, "monitor", now)
    const opened = openSlot(path, "monitor", utf8("wrong"))
    if (waits.length < 3)
      await expect(opened).rejects.toMatchObject({
        code: "vault/wrong-passphrase",
        slot: "monitor",
      })
    else await opened.catch(() => undefined)
    await countFailure(failures, "monitor", now)
    const { waitMs } = failureState(failures, "monitor", now)
    waits.push(waitMs)
    if (waitMs > 0)
      expect(() => requireNoBackOff(failures, "monitor", now + waitMs - 1)).toThrow(
        expect.objectContaining({ code: "vault/backing-off" }),
      )
    now += waitMs
  }
  const seconds = [0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
  expect(waits).toEqual(seconds.map((each) => each * 1000))
  expect(readFileSync(path)).toEqual(before)
  expect(statSync(path, { bigint: true })).toMatchObject({ mtimeNs, ino })
  expect(statSync(failures).mode & 0o777).toBe(0o600)
  expect(failureState(failures, "auditor", 0)).toEqual({ count: 0, waitMs: 0 })
})

const isRoot = process.getuid?.() === 0

test.for([
  { why: "mode 0644", spoil: (path: string) => chmodSync(path, 0o644), needsRoot: false },
  { why: "mode 0620", spoil: (path: string) => chmodSync(path, 0o620), needsRoot: false },
  { why: "a symbolic link in its place", spoil: linkAway, needsRoot: false },
  { why: "a pipe in its place", spoil: pipeAway, needsRoot: false },
  { why: "another owner", spoil: (path: string) => chownSync(path, 4242, 4242), needsRoot: true },
])("V09 a vault with $why is neither read nor replaced", async ({ spoil, needsRoot }, { skip }) => {
  skip(needsRoot && !isRoot, "only root can give files away")
  const path = await newVault("monitor")
  spoil(path)
  const unsafe = { code: "vault/unsafe-file" }
  await expect(openSlot(path, "monitor", passphrase)).rejects.toMatchObject(unsafe)
  await expect(changeSlot(path, "monitor", passphrase, (all) => all)).rejects.toMatchObject(unsafe)
})

test("V09 a link that was planted where a rewrite puts its new file is not written through", async () => {
  const path = await newVault("monitor")
  const victim = join(temporaryFolder(), "victim")
  writeFileSync(victim, "mine")
  symlinkSync(victim, `${path}.tmp`)
  await changeSlot(path, "monitor", passphrase, () => secret("new"))
  expect(readFileSync(victim, "utf8")).toBe("mine")
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(existsSync(`${path}.tmp`)).toBe(false)
})

function linkAway(path: string): void {
  renameSync(path, `${path}.real`)
  symlinkSync(`${path}.real`, path)
}

function pipeAway(path: string): void {
  renameSync(path, `${path}.real`)
  execFileSync("mkfifo", ["-m", "600", path])
}

test("V10 of many writers at once none loses what another wrote", async () => {
  const path = await newVault("monitor")
  const names = ["a", "b", "c", "d", "e"].map((name) => `key/${name}`)
  const conflicts: string[] = []
  const write = async (name: string): Promise<void> => {
    try {
      await changeSlot(path, "monitor", passphrase, (all) => new Map(all).set(name, utf8(name)))
    } catch (error) {
      expect(isFault(error, "store/conflict")).toBe(true)
      conflicts.push(name)
      await write(name)
    }
  }
  await Promise.all(names.map(write))
  expect([...(await openSlot(path, "monitor", passphrase)).keys()]).toEqual([...names, "key/x"])
  expect(vaultState(path).generation).toBe(1 + names.length)
  expect(conflicts.length).toBeGreaterThan(0)
})

test.each<{ why: string; change: (path: string) => Promise<unknown> }>([
  {
    why: "another passphrase",
    change: (path) =>
      changePassphrase(path, "monitor", { current: passphrase, next: utf8("n") }, lowestKdfCost),
  },
  {
    why: "other secrets",
    change: (path) => changeSlot(path, "monitor", passphrase, () => secret("after")),
  },
])("V12 after $why the old data key opens nothing", async ({ change }) => {
  const path = await newVault("monitor")
  const before = slotOf(path, "monitor")
  const oldKey = await dataKeyOf(path, before, passphrase)
  await change(path)
  const after = slotOf(path, "monitor")
  expect(opens(path, before, oldKey)).toBe(true)
  expect(opens(path, after, oldKey)).toBe(false)
  expect(after.wrapped).not.toEqual(before.wrapped)
})

function opens(path: string, slot: VaultSlot, key: Uint8Array): boolean {
  const nonce = slot.section.subarray(0, 12)
  const open = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: 16 })
  open.setAAD(context(path, "section", slotHeader(slot))).setAuthTag(slot.section.subarray(-16))
  open.update(slot.section.subarray(12, -16))
  try {
    open.final()
    return true
  } catch {
    return false
  }
}
