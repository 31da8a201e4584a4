import {
  AmcError,
  canonicalize,
  concatBytes,
  equalBytes,
  fromBase64,
  type JsonObject,
  sha256,
  toBase64,
  utf8,
} from "@amc/core"
import type { KdfCost } from "./kdf.ts"
import {
  asDamage,
  damaged,
  maxVaultSize,
  parseVaultHeader,
  type SlotHeader,
  type SlotName,
} from "./vault-header.ts"

/** One slot as it lies in the file: everything but `section` is in the header, and all of it is public. */
export interface VaultSlot {
  readonly slot: SlotName
  /** The file's generation when this slot was last written. */
  readonly generation: number
  readonly cost: KdfCost
  readonly salt: Uint8Array
  readonly check: Uint8Array
  /** The data key under the passphrase key: nonce, ciphertext, tag. */
  readonly wrapped: Uint8Array
  /** The secrets under the data key: nonce, ciphertext, tag. */
  readonly section: Uint8Array
}

/** A vault file taken apart. Nothing in it is authenticated before a slot opens. */
export interface VaultFile {
  readonly vaultId: string
  readonly generation: number
  readonly slots: readonly VaultSlot[]
}

const magic = utf8("AMCVAULT/1\n")
const family = utf8("AMCVAULT/")
const HEADER_AT = magic.length + 4
const DIGEST = 32
const MAX_HEADER = 16_384

/**
 * The bytes of a vault file (spec/vault.md, rules 1 to 4).
 *
 * @throws {@link AmcError} `input/too-large` for what could not be read again
 */
export function encodeVaultFile({ vaultId, generation, slots }: VaultFile): Uint8Array {
  const header = canonicalize({
    v: 1,
    vault_id: vaultId,
    generation,
    slots: slots.map((slot) => slotHeader(slot)),
  })
  const size = new Uint8Array(4)
  new DataView(size.buffer).setUint32(0, header.length)
  const whole = concatBytes(magic, size, header, ...slots.map(({ section }) => section))
  if (whole.length + DIGEST > maxVaultSize)
    throw new AmcError("input/too-large", `a vault is at most ${maxVaultSize} bytes`)
  return concatBytes(whole, sha256(whole))
}

/**
 * Takes a vault file apart and checks its digest, which finds damage anywhere in the file. Whoever means
 * it can recompute that digest; what then still holds is what an opened slot authenticates.
 *
 * @throws {@link AmcError} `vault/damaged`, `input/unsupported-version`
 */
export function parseVaultFile(bytes: Uint8Array): VaultFile {
  if (bytes.length > maxVaultSize || bytes.length < HEADER_AT + DIGEST) throw damaged("size")
  const whole = bytes.subarray(0, -DIGEST)
  if (!equalBytes(bytes.subarray(-DIGEST), sha256(whole))) throw damaged("digest")
  checkMagic(bytes)
  const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(magic.length)
  if (size > MAX_HEADER || HEADER_AT + size > whole.length) throw damaged("header size")
  const header = parseVaultHeader(whole.subarray(HEADER_AT, HEADER_AT + size))
  const slots = cutSections(header.slots, whole.subarray(HEADER_AT + size))
  return { vaultId: header.vault_id, generation: header.generation, slots }
}

function checkMagic(bytes: Uint8Array): void {
  if (equalBytes(bytes.subarray(0, magic.length), magic)) return
  if (!equalBytes(bytes.subarray(0, family.length), family)) throw damaged("first line")
  throw new AmcError("input/unsupported-version", "the vault file is of another version")
}

/** A slot's part of the header, as wrapping and section authenticate it (without `wrapped` for the former). */
export function slotHeader(slot: VaultSlot): JsonObject {
  const { m, t, p } = slot.cost
  return {
    slot: slot.slot,
    generation: slot.generation,
    kdf: { alg: "argon2id", m, t, p, salt: toBase64(slot.salt) },
    check: toBase64(slot.check),
    wrapped: toBase64(slot.wrapped),
    size: slot.section.length,
  }
}

function cutSections(headers: readonly SlotHeader[], sections: Uint8Array): VaultSlot[] {
  let at = 0
  const slots = headers.map((header) => {
    const section = Uint8Array.from(sections.subarray(at, (at += header.size)))
    return readSlot(header, section)
  })
  if (at !== sections.length) throw damaged("section sizes")
  return slots
}

function readSlot(
  { slot, generation, kdf, ...header }: SlotHeader,
  section: Uint8Array,
): VaultSlot {
  const { m, t, p } = kdf
  const [salt, check, wrapped] = asDamage("header", () => [
    fromBase64(kdf.salt),
    fromBase64(header.check),
    fromBase64(header.wrapped),
  ]) as [Uint8Array, Uint8Array, Uint8Array]
  if (salt.length !== 16 || check.length !== 16 || wrapped.length !== 60) throw damaged("header")
  return { slot, generation, cost: { m, t, p }, salt, check, wrapped, section }
}
