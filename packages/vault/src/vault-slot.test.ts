import { concatBytes, isFault, sha256, utf8 } from "@amc/core"
import { beforeAll, expect, test } from "vitest"
import { deriveSlotKey, lowestKdfCost, type SlotKey } from "./kdf.ts"
import { encodeVaultFile, parseVaultFile, type VaultFile, type VaultSlot } from "./vault-file.ts"
import { type SlotName, slotNames } from "./vault-header.ts"
import { sealSlot, unsealSlot } from "./vault-slot.ts"

const salt = new Uint8Array(16).fill(3)
const vaultId = "ab".repeat(16)
let key: SlotKey
let file: VaultFile
let bytes: Uint8Array

// One passphrase and salt for all slots: what keeps them apart must be the authenticated context.
beforeAll(async () => {
  key = await deriveSlotKey(utf8("same for all"), salt, lowestKdfCost)
  file = {
    vaultId,
    generation: 2,
    slots: slotNames.map((slot, at) => seal(slot, at === 1 ? 2 : 1)),
  }
  bytes = encodeVaultFile(file)
})

function seal(slot: SlotName, generation: number, id = vaultId): VaultSlot {
  const secrets = new Map([[`key/${slot}`, utf8(`secret of ${slot}`)]])
  return sealSlot({ vaultId: id, slot, generation, cost: lowestKdfCost, salt }, key, secrets)
}

function open(vault: VaultFile, slot: SlotName): Map<string, Uint8Array> {
  return unsealSlot(
    vault.vaultId,
    vault.slots.find((it) => it.slot === slot)!,
    key,
  )
}

function replaced(slot: SlotName, change: Partial<VaultSlot>): VaultFile {
  return { ...file, slots: file.slots.map((it) => (it.slot === slot ? { ...it, ...change } : it)) }
}

/** The names of the slots that don't open as written; all of them if the file can't be read. */
function refusing(changed: Uint8Array): readonly SlotName[] {
  try {
    const vault = parseVaultFile(changed)
    return slotNames.filter((slot) => codeOf(() => open(vault, slot)) !== undefined)
  } catch (error) {
    expect(isFault(error, "vault/damaged", "input/unsupported-version")).toBe(true)
    return slotNames
  }
}

function codeOf(act: () => unknown): string | undefined {
  try {
    act()
    return undefined
  } catch (error) {
    if (!isFault(error)) throw error
    return error.code
  }
}

function withRepairedDigest(changed: Uint8Array): Uint8Array {
  const whole = changed.subarray(0, -32)
  return concatBytes(whole, sha256(whole))
}

test("opens each slot with what was sealed in it", () => {
  const read = parseVaultFile(bytes)
  for (const slot of slotNames)
    expect(open(read, slot)).toEqual(new Map([[`key/${slot}`, utf8(`secret of ${slot}`)]]))
})

test("has one spelling", () => {
  expect(encodeVaultFile(parseVaultFile(bytes))).toEqual(bytes)
})

test("no bit of the file changes unnoticed", () => {
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = Uint8Array.from(bytes)
    changed[bit >> 3]! ^= 1 << (bit & 7)
    expect(refusing(changed), `bit ${bit}`).toEqual(slotNames)
  }
})

test("no byte changes unnoticed by whoever owns it, even with the digest made to fit", () => {
  for (let at = 0; at < bytes.length - 32; at++) {
    const changed = Uint8Array.from(bytes)
    changed[at]! ^= 1 << (at & 7)
    expect(refusing(withRepairedDigest(changed)).length, `byte ${at}`).toBeGreaterThan(0)
  }
})

test("a changed section is refused by its own slot and by no other", () => {
  for (const slot of slotNames) {
    const section = Uint8Array.from(file.slots.find((it) => it.slot === slot)!.section)
    section[section.length - 1]! ^= 1
    expect(refusing(encodeVaultFile(replaced(slot, { section })))).toEqual([slot])
  }
})

test("no shorter or longer file is read", () => {
  for (let size = 0; size < bytes.length; size++) {
    expect(refusing(bytes.subarray(0, size)), `${size} bytes`).toEqual(slotNames)
    if (size > 32)
      expect(refusing(withRepairedDigest(bytes.subarray(0, size))), `${size} bytes`).toEqual(
        slotNames,
      )
  }
  expect(refusing(withRepairedDigest(concatBytes(bytes, new Uint8Array(1))))).toEqual(slotNames)
})

const other = (slot: SlotName): VaultSlot => file.slots.find((it) => it.slot === slot)!

test.each<{ why: string; make: () => VaultFile }>([
  {
    why: "another slot's section",
    make: () => replaced("monitor", { section: other("root").section }),
  },
  {
    why: "another slot's data key",
    make: () => replaced("monitor", { wrapped: other("root").wrapped }),
  },
  {
    why: "another slot's data key and section",
    make: () =>
      replaced("monitor", { wrapped: other("root").wrapped, section: other("root").section }),
  },
  {
    why: "a slot of another vault",
    make: () => replaced("monitor", seal("monitor", 2, "cd".repeat(16))),
  },
  {
    why: "another generation",
    make: () => replaced("monitor", { ...seal("monitor", 1), generation: 2 }),
  },
  { why: "another cost", make: () => replaced("monitor", { cost: { m: 19_457, t: 2, p: 1 } }) },
  { why: "another salt", make: () => replaced("monitor", { salt: new Uint8Array(16) }) },
])("refuses a slot with $why", ({ make }) => {
  const vault = parseVaultFile(encodeVaultFile(make()))
  expect(codeOf(() => open(vault, "monitor"))).toBe("vault/damaged")
  expect(codeOf(() => open(vault, "auditor"))).toBeUndefined()
})

test.each<{ why: string; make: () => VaultFile }>([
  {
    why: "a cost below the floor",
    make: () => replaced("root", { cost: { m: 1024, t: 2, p: 1 } }),
  },
  { why: "a memory bomb", make: () => replaced("root", { cost: { m: 4_194_304, t: 2, p: 1 } }) },
  { why: "a higher generation than any slot's", make: () => ({ ...file, generation: 3 }) },
  { why: "a slot newer than the file", make: () => replaced("root", { generation: 3 }) },
  { why: "slots out of order", make: () => ({ ...file, slots: [...file.slots].reverse() }) },
  { why: "a slot twice", make: () => ({ ...file, slots: [other("monitor"), other("monitor")] }) },
  { why: "no slot", make: () => ({ ...file, slots: [] }) },
])("does not read a file with $why", ({ make }) => {
  expect(codeOf(() => parseVaultFile(encodeVaultFile(make())))).toBe("vault/damaged")
})

test("tells another version from damage", () => {
  const next = Uint8Array.from(bytes)
  next.set(utf8("AMCVAULT/2\n"))
  expect(codeOf(() => parseVaultFile(withRepairedDigest(next)))).toBe("input/unsupported-version")
})

test("a key of another passphrase is wrong, not damage", async () => {
  const wrong = await deriveSlotKey(utf8("another"), salt, lowestKdfCost)
  expect(codeOf(() => unsealSlot(vaultId, other("monitor"), wrong))).toBe("vault/wrong-passphrase")
})

test("a tag cut short to four bytes is refused", () => {
  const { section } = other("monitor")
  const cut = replaced("monitor", { section: section.subarray(0, -12) })
  expect(codeOf(() => open(parseVaultFile(encodeVaultFile(cut)), "monitor"))).toBe("vault/damaged")
})

test("each sealing uses a fresh data key and nonces", () => {
  const [one, two] = [seal("monitor", 1), seal("monitor", 1)]
  expect(one.wrapped).not.toEqual(two.wrapped)
  expect(one.section).not.toEqual(two.section)
})
