import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto"
import { canonicalize, concatBytes, type JsonObject } from "@amc/core"
import { fitsCheck, type KdfCost, type SlotKey } from "./kdf.ts"
import { encodeSecrets, parseSecrets, type Secrets } from "./secrets.ts"
import { slotHeader, type VaultSlot } from "./vault-file.ts"
import { asDamage, damaged, type SlotName } from "./vault-header.ts"
import { WrongPassphrase } from "./wrong-passphrase.ts"

/** Where a slot belongs, and the public half of its key derivation. */
export interface SlotPlace {
  readonly vaultId: string
  readonly slot: SlotName
  readonly generation: number
  readonly cost: KdfCost
  readonly salt: Uint8Array
}

const CIPHER = "aes-256-gcm"
const NONCE = 12
const TAG = 16
const WRAPPED = NONCE + 32 + TAG

/**
 * Encrypts secrets under a fresh data key, and that key under the passphrase's (spec/vault.md, rules 7
 * and 8). Both are bound to the vault, the slot and every member of the slot's header.
 */
export function sealSlot(place: SlotPlace, key: SlotKey, secrets: Secrets): VaultSlot {
  const { vaultId, slot, generation, cost, salt } = place
  const plain = encodeSecrets(secrets)
  const dataKey = randomBytes(32)
  const sized = {
    section: new Uint8Array(NONCE + plain.length + TAG),
    wrapped: new Uint8Array(WRAPPED),
  }
  const bare = { slot, generation, cost, salt, check: key.check, ...sized }
  const wrapped = encrypt(key.wrapKey, wrapContext(vaultId, bare), dataKey)
  const section = encrypt(dataKey, sectionContext(vaultId, { ...bare, wrapped }), plain)
  dataKey.fill(0)
  plain.fill(0)
  return { ...bare, wrapped, section }
}

/**
 * Opens a slot with the key derived from a passphrase. The caller wipes what it gets.
 *
 * @throws {@link AmcError} `vault/wrong-passphrase` if the key is not this slot's; `vault/damaged` if it
 * is, and the slot is not as it was written
 */
export function unsealSlot(
  vaultId: string,
  slot: VaultSlot,
  key: SlotKey,
): Map<string, Uint8Array> {
  if (!fitsCheck(key, slot.check)) throw new WrongPassphrase(slot.slot)
  const dataKey = decrypt(key.wrapKey, wrapContext(vaultId, slot), slot.wrapped)
  const plain = decrypt(dataKey, sectionContext(vaultId, slot), slot.section)
  dataKey.fill(0)
  try {
    return asDamage("secrets", () => parseSecrets(plain))
  } finally {
    plain.fill(0)
  }
}

function wrapContext(vaultId: string, slot: VaultSlot): Uint8Array {
  const { wrapped: _, ...header } = slotHeader(slot)
  return context("wrap", vaultId, header)
}

function sectionContext(vaultId: string, slot: VaultSlot): Uint8Array {
  return context("section", vaultId, slotHeader(slot))
}

function context(purpose: string, vaultId: string, header: JsonObject): Uint8Array {
  return canonicalize({ format: "AMCVAULT/1", purpose, vault_id: vaultId, header })
}

function encrypt(key: Uint8Array, context: Uint8Array, plain: Uint8Array): Uint8Array {
  const nonce = randomBytes(NONCE)
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG }).setAAD(context)
  const body = concatBytes(cipher.update(plain), cipher.final())
  return concatBytes(nonce, body, cipher.getAuthTag())
}

function decrypt(key: Uint8Array, context: Uint8Array, sealed: Uint8Array): Uint8Array {
  const [nonce, body, tag] = [
    sealed.subarray(0, NONCE),
    sealed.subarray(NONCE, -TAG),
    sealed.subarray(-TAG),
  ]
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG })
  decipher.setAAD(context).setAuthTag(tag)
  const plain = decipher.update(body)
  try {
    decipher.final()
  } catch (cause) {
    plain.fill(0)
    throw damaged("a slot does not authenticate", cause)
  }
  return plain
}
