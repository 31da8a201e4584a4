import { AmcError, sha256Hex } from "@amc/core"
import { createFile, replaceFile } from "./durable-file.ts"
import { withFileLock } from "./file-lock.ts"
import { readPrivateFile } from "./private-file.ts"
import { encodeVaultFile, parseVaultFile, type VaultFile, type VaultSlot } from "./vault-file.ts"
import { maxVaultSize, type SlotName } from "./vault-header.ts"

/** What the ledger records of a vault, so that an older copy put in its place shows. */
export interface VaultState {
  readonly generation: number
  /** SHA-256 of the whole file, 64 lower-case hexadecimal digits. */
  readonly sha256: string
}

/** A vault file as it was read, with the digest of its bytes. */
export interface LoadedVault {
  readonly file: VaultFile
  readonly sha256: string
}

/**
 * The generation and digest of a vault file, without a passphrase: what the file says, undamaged, but
 * authenticated only by comparing with what the ledger recorded.
 *
 * @throws {@link AmcError} `vault/missing`, `vault/unsafe-file`, `vault/damaged`
 */
export function vaultState(path: string): VaultState {
  const { file, sha256 } = loadVault(path)
  return { generation: file.generation, sha256 }
}

/** A slot as its header tells, without a passphrase. */
export interface SlotState {
  readonly slot: SlotName
  /** The vault's generation when it was last written. */
  readonly generation: number
}

/** The slots of a vault file. @throws {@link AmcError} as {@link vaultState} */
export function slotStates(path: string): readonly SlotState[] {
  return loadVault(path).file.slots.map(({ slot, generation }) => ({ slot, generation }))
}

/** Reads and takes apart a vault file. @throws {@link AmcError} as {@link vaultState} */
export function loadVault(path: string): LoadedVault {
  const bytes = readPrivateFile(path, { maxSize: maxVaultSize, missing: "vault/missing" })
  return { file: parseVaultFile(bytes), sha256: sha256Hex(bytes) }
}

/** Writes a new vault file. @throws {@link AmcError} `vault/exists`, `workspace/unwritable` */
export function storeVault(path: string, file: VaultFile): VaultState {
  const bytes = encodeVaultFile(file)
  withFileLock(path, () => createFile(path, bytes, { mode: 0o600, exists: "vault/exists" }))
  return { generation: file.generation, sha256: sha256Hex(bytes) }
}

/**
 * Puts a slot into the file, if the file is still the one that was read.
 *
 * @throws {@link AmcError} `store/conflict`, `vault/unsafe-file`, `input/too-large`, `workspace/unwritable`
 */
export function commitSlot(
  path: string,
  { file, sha256 }: LoadedVault,
  changed: VaultSlot,
): VaultState {
  const slots = file.slots.map((slot) => (slot.slot === changed.slot ? changed : slot))
  const bytes = encodeVaultFile({ ...file, generation: changed.generation, slots })
  withFileLock(path, () => {
    if (vaultState(path).sha256 !== sha256)
      throw new AmcError("store/conflict", "the vault was changed in the meantime")
    replaceFile(path, bytes)
  })
  return { generation: changed.generation, sha256: sha256Hex(bytes) }
}
