import { hkdfSync, timingSafeEqual } from "node:crypto"
import { AmcError } from "@amc/core"
import { hashRaw } from "@node-rs/argon2"

/** What one guess at a passphrase costs: memory in KiB, passes, lanes (argon2id, RFC 9106). */
export interface KdfCost {
  readonly m: number
  readonly t: number
  readonly p: number
}

/** What is derived from a passphrase and the slot's salt. `check` is public, `wrapKey` is wiped after use. */
export interface SlotKey {
  readonly wrapKey: Uint8Array
  readonly check: Uint8Array
}

/** The cost of new slots: RFC 9106's second recommended option. */
export const defaultKdfCost: KdfCost = { m: 65_536, t: 3, p: 4 }
/** OWASP's floor. Nothing cheaper is written or read. */
export const lowestKdfCost: KdfCost = { m: 19_456, t: 2, p: 1 }
/** What a reader spends at most on a file that anybody may have written. */
const highestKdfCost: KdfCost = { m: 1_048_576, t: 10, p: 16 }

const ARGON2ID = 2
const VERSION_19 = 1

/** Whether a cost lies within the bounds of spec/vault.md, rule 5. */
export function isAllowedCost({ m, t, p }: KdfCost): boolean {
  const { m: lowM, t: lowT, p: lowP } = lowestKdfCost
  const { m: highM, t: highT, p: highP } = highestKdfCost
  return isWithin(m, lowM, highM) && isWithin(t, lowT, highT) && isWithin(p, lowP, highP)
}

/**
 * Derives a slot's key from its passphrase (spec/vault.md, rule 6). The bounds are checked before any
 * memory is taken.
 *
 * @throws {@link AmcError} `vault/damaged` for a cost out of bounds, `usage/invalid` for an empty passphrase
 */
export async function deriveSlotKey(
  passphrase: Uint8Array,
  salt: Uint8Array,
  cost: KdfCost,
): Promise<SlotKey> {
  if (!isAllowedCost(cost)) throw new AmcError("vault/damaged", "slot's kdf cost is out of bounds")
  if (passphrase.length === 0) throw new AmcError("usage/invalid", "passphrase is empty")
  const master = await hashRaw(passphrase, {
    algorithm: ARGON2ID,
    version: VERSION_19,
    memoryCost: cost.m,
    timeCost: cost.t,
    parallelism: cost.p,
    outputLen: 32,
    salt,
  })
  const key = { wrapKey: expand(master, "wrap", 32), check: expand(master, "check", 16) }
  master.fill(0)
  return key
}

/** Whether a derived key is the one whose check value the slot carries. */
export function fitsCheck(key: SlotKey, check: Uint8Array): boolean {
  return check.length === key.check.length && timingSafeEqual(check, key.check)
}

function expand(master: Uint8Array, purpose: string, size: number): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", master, "", `amc-vault/v1/${purpose}`, size))
}

function isWithin(value: number, low: number, high: number): boolean {
  return Number.isSafeInteger(value) && value >= low && value <= high
}
