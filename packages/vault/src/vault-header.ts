import { AmcError, isFault, parseCanonical } from "@amc/core"
import { z } from "zod"
import { isAllowedCost } from "./kdf.ts"

/**
 * The parts of a vault that open with a passphrase each. `monitor` holds the ledger and provider keys too;
 * `witness` lies in a file of its own, which belongs to no workspace.
 */
export const slotNames = ["auditor", "monitor", "root", "witness"] as const
export type SlotName = (typeof slotNames)[number]
/** The slots of a workspace's vault. */
export type WorkspaceSlot = Exclude<SlotName, "witness">

/** A vault file is never larger than this. */
export const maxVaultSize = 1_048_576

const bytesOf = (size: number): z.ZodBase64 => z.base64().length(Math.ceil(size / 3) * 4)
const generation = z.int().min(1)
const slotSchema = z.strictObject({
  slot: z.enum(slotNames),
  generation,
  kdf: z.strictObject({
    alg: z.literal("argon2id"),
    m: z.int(),
    t: z.int(),
    p: z.int(),
    salt: bytesOf(16),
  }),
  check: bytesOf(16),
  wrapped: bytesOf(60),
  size: z.int().min(28).max(maxVaultSize),
})
const headerSchema = z.strictObject({
  v: z.literal(1),
  vault_id: z.string().regex(/^[0-9a-f]{32}$/u),
  generation,
  slots: z.array(slotSchema).min(1).max(slotNames.length),
})
/** A slot's part of the header, as JSON. */
export type SlotHeader = z.infer<typeof slotSchema>
/** The header, as JSON. */
export type VaultHeader = z.infer<typeof headerSchema>

/**
 * Reads a vault's header, within its bounds.
 *
 * @throws {@link AmcError} `vault/damaged`
 */
export function parseVaultHeader(bytes: Uint8Array): VaultHeader {
  const parsed = headerSchema.safeParse(asDamage("header", () => parseCanonical(bytes)))
  if (!parsed.success) throw damaged("header")
  const { slots, generation } = parsed.data
  if (slots.some(({ slot }, at) => at > 0 && slot <= (slots[at - 1]?.slot ?? "")))
    throw damaged("order of slots")
  if (slots.some(({ kdf }) => !isAllowedCost(kdf))) throw damaged("kdf cost")
  if (Math.max(...slots.map((slot) => slot.generation)) !== generation) throw damaged("generation")
  return parsed.data
}

/** Runs a strict reader on a part of the file; what it finds malformed is damage. */
export function asDamage<T>(what: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (!isFault(cause, "input/malformed")) throw cause
    throw damaged(what, cause)
  }
}

/** The fault for a vault file that is not as it was written. */
export function damaged(what: string, cause?: unknown): AmcError {
  return new AmcError("vault/damaged", `the vault file is damaged: ${what}`, { cause })
}
