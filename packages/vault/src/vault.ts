import { randomBytes } from "node:crypto"
import { AmcError, toHex } from "@amc/core"
import { defaultKdfCost, deriveSlotKey, isAllowedCost, type KdfCost, type SlotKey } from "./kdf.ts"
import { type Secrets, wipeSecrets } from "./secrets.ts"
import { commitSlot, loadVault, storeVault, type VaultState } from "./stored-vault.ts"
import type { VaultFile, VaultSlot } from "./vault-file.ts"
import { type SlotName, slotNames } from "./vault-header.ts"
import { sealSlot, unsealSlot } from "./vault-slot.ts"

/** What a new slot holds and what opens it. */
export interface NewSlot {
  readonly passphrase: Uint8Array
  readonly secrets: Secrets
}

/**
 * Writes a new vault file, 0600, with the given slots. The caller wipes the secrets and passphrases.
 *
 * @throws {@link AmcError} `vault/exists`, `workspace/unwritable`, `usage/invalid` for a cost below the
 * floor, no slot or an empty passphrase
 */
export async function createVault(
  path: string,
  slots: Partial<Record<SlotName, NewSlot>>,
  cost: KdfCost = defaultKdfCost,
): Promise<VaultState> {
  const place = { vaultId: toHex(randomBytes(16)), generation: 1, cost }
  const sealed: VaultSlot[] = []
  for (const slot of slotNames) {
    const { passphrase, secrets } = slots[slot] ?? {}
    if (passphrase === undefined || secrets === undefined) continue
    sealed.push(await sealNew({ ...place, slot }, passphrase, secrets))
  }
  if (sealed.length === 0) throw new AmcError("usage/invalid", "a vault needs at least one slot")
  return storeVault(path, { vaultId: place.vaultId, generation: 1, slots: sealed })
}

/**
 * The secrets of one slot. The caller wipes what it gets ({@link wipeSecrets}). Nothing is written, whatever the
 * passphrase.
 *
 * @throws {@link AmcError} `vault/missing`, `vault/unsafe-file`, `vault/damaged`, `vault/wrong-passphrase`,
 * `vault/locked` if this file has no such slot
 */
export async function openSlot(
  path: string,
  slot: SlotName,
  passphrase: Uint8Array,
): Promise<Secrets> {
  const { file } = loadVault(path)
  return unlock(file, slot, passphrase)
}

/**
 * Rewrites one slot with what `change` makes of its secrets, and leaves the others as they are. Both maps
 * are wiped afterwards.
 *
 * @throws {@link AmcError} as {@link openSlot}; `store/conflict` if the file changed in the meantime: then
 * nothing was written; `workspace/unwritable`
 */
export async function changeSlot(
  path: string,
  slot: SlotName,
  passphrase: Uint8Array,
  change: (secrets: Secrets) => Secrets,
): Promise<VaultState> {
  const loaded = loadVault(path)
  const sealed = slotOf(loaded.file, slot)
  const key = await deriveSlotKey(passphrase, sealed.salt, sealed.cost)
  let before: Secrets = new Map()
  try {
    before = unsealSlot(loaded.file.vaultId, sealed, key)
    return commitSlot(path, loaded, reseal(loaded.file, sealed, key, change(before)))
  } finally {
    wipeSecrets(before)
    key.wrapKey.fill(0)
  }
}

/**
 * Puts a slot under another passphrase, with a fresh salt.
 *
 * @throws {@link AmcError} as {@link changeSlot}; `usage/invalid` for a cost below the floor
 */
export async function changePassphrase(
  path: string,
  slot: SlotName,
  passphrases: { readonly current: Uint8Array; readonly next: Uint8Array },
  cost: KdfCost = defaultKdfCost,
): Promise<VaultState> {
  const loaded = loadVault(path)
  const secrets = await unlock(loaded.file, slot, passphrases.current)
  try {
    const place = {
      vaultId: loaded.file.vaultId,
      slot,
      generation: loaded.file.generation + 1,
      cost,
    }
    return commitSlot(path, loaded, await sealNew(place, passphrases.next, secrets))
  } finally {
    wipeSecrets(secrets)
  }
}

async function unlock(file: VaultFile, slot: SlotName, passphrase: Uint8Array): Promise<Secrets> {
  const sealed = slotOf(file, slot)
  const key = await deriveSlotKey(passphrase, sealed.salt, sealed.cost)
  try {
    return unsealSlot(file.vaultId, sealed, key)
  } finally {
    key.wrapKey.fill(0)
  }
}

function slotOf(file: VaultFile, name: SlotName): VaultSlot {
  const found = file.slots.find(({ slot }) => slot === name)
  if (found === undefined) throw new AmcError("vault/locked", `this vault has no ${name} slot`)
  return found
}

async function sealNew(
  place: { vaultId: string; slot: SlotName; generation: number; cost: KdfCost },
  passphrase: Uint8Array,
  secrets: Secrets,
): Promise<VaultSlot> {
  if (!isAllowedCost(place.cost))
    throw new AmcError("usage/invalid", "the kdf cost is out of the bounds that a vault allows")
  const salt = Uint8Array.from(randomBytes(16))
  const key = await deriveSlotKey(passphrase, salt, place.cost)
  try {
    return sealSlot({ ...place, salt }, key, secrets)
  } finally {
    key.wrapKey.fill(0)
  }
}

function reseal(file: VaultFile, old: VaultSlot, key: SlotKey, secrets: Secrets): VaultSlot {
  const { slot, cost, salt } = old
  const place = { vaultId: file.vaultId, slot, generation: file.generation + 1, cost, salt }
  try {
    return sealSlot(place, key, secrets)
  } finally {
    wipeSecrets(secrets)
  }
}
