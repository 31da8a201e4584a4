import type { Signer } from "@amc/core"
import type { KdfCost } from "./kdf.ts"
import { keyNames, signerOf } from "./lane-signer.ts"
import { generatePrivateKey } from "./private-key.ts"
import { wipeSecrets } from "./secrets.ts"
import { loadVault } from "./stored-vault.ts"
import { createVault, openSlot } from "./vault.ts"

/**
 * Makes a root key in a file of its own, for keeping offline: a vault file with a root slot and nothing
 * else (spec/vault.md). The caller wipes the passphrase.
 *
 * @throws {@link AmcError} `vault/exists`, `workspace/unwritable`, `usage/invalid`
 */
export async function createRootKeyFile(
  path: string,
  passphrase: Uint8Array,
  cost?: KdfCost,
): Promise<Signer> {
  const secrets = new Map([[keyNames.root, generatePrivateKey()]])
  try {
    const signer = signerOf(secrets, keyNames.root)
    await createVault(path, { root: { passphrase, secrets } }, cost)
    return signer
  } finally {
    wipeSecrets(secrets)
  }
}

/**
 * The owners' keys in a vault's root slot: of a workspace or of a root key file. There are two of them
 * while a change of the root goes on.
 *
 * @throws {@link AmcError} as {@link openSlot}; `vault/locked` for a file without a root slot
 */
export async function openRootSigners(path: string, passphrase: Uint8Array): Promise<Signer[]> {
  const secrets = await openSlot(path, "root", passphrase)
  try {
    return [...secrets.keys()].map((name) => signerOf(secrets, name))
  } finally {
    wipeSecrets(secrets)
  }
}

/** Whether a vault has a root slot. @throws {@link AmcError} `vault/missing`, `vault/damaged` */
export function hasRootSlot(path: string): boolean {
  return loadVault(path).file.slots.some(({ slot }) => slot === "root")
}
