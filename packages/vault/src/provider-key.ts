import { wipeSecrets } from "./secrets.ts"
import type { VaultState } from "./stored-vault.ts"
import { changeSlot, openSlot } from "./vault.ts"

/**
 * The key for a provider's API, or null if none is kept. The caller wipes it.
 *
 * @throws {@link AmcError} as {@link openSlot}
 */
export async function openProviderKey(
  vaultPath: string,
  passphrase: Uint8Array,
  name: string,
): Promise<Uint8Array | null> {
  const secrets = await openSlot(vaultPath, "monitor", passphrase)
  try {
    return secrets.get(secretName(name))?.slice() ?? null
  } finally {
    wipeSecrets(secrets)
  }
}

/**
 * Keeps a provider's API key in the monitor's slot, in place of an older one of that name.
 *
 * @throws {@link AmcError} as {@link changeSlot}; `input/malformed` for an unusable name or an empty key
 */
export async function storeProviderKey(
  vaultPath: string,
  passphrase: Uint8Array,
  name: string,
  key: Uint8Array,
): Promise<VaultState> {
  return changeSlot(vaultPath, "monitor", passphrase, (secrets) =>
    // A copy, since what is returned here is wiped.
    new Map(secrets).set(secretName(name), key.slice()),
  )
}

function secretName(name: string): string {
  return `provider/${name}`
}
