import type { Signer } from "@amc/core"
import type { KdfCost } from "./kdf.ts"
import { keyNames, signerOf } from "./lane-signer.ts"
import { generatePrivateKey } from "./private-key.ts"
import { wipeSecrets } from "./secrets.ts"
import { createVault, openSlot } from "./vault.ts"

/**
 * Makes a witness's key in a file of its own: a vault file with a witness slot and nothing else
 * (spec/vault.md). The caller wipes the passphrase.
 *
 * @throws {@link AmcError} `vault/exists`, `workspace/unwritable`, `usage/invalid`
 */
export async function createWitnessKeyFile(
  path: string,
  passphrase: Uint8Array,
  cost?: KdfCost,
): Promise<Signer> {
  const secrets = new Map([[keyNames.witness, generatePrivateKey()]])
  try {
    const signer = signerOf(secrets, keyNames.witness)
    await createVault(path, { witness: { passphrase, secrets } }, cost)
    return signer
  } finally {
    wipeSecrets(secrets)
  }
}

/**
 * The signer of a witness's key file.
 *
 * @throws {@link AmcError} as {@link openSlot}; `vault/locked` for a file without a witness's key
 */
export async function openWitnessSigner(path: string, passphrase: Uint8Array): Promise<Signer> {
  const secrets = await openSlot(path, "witness", passphrase)
  try {
    return signerOf(secrets, keyNames.witness)
  } finally {
    wipeSecrets(secrets)
  }
}
