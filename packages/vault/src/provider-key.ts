import { text, utf8 } from "@amc/core"
import { type Secrets, wipeSecrets } from "./secrets.ts"
import type { VaultState } from "./stored-vault.ts"
import { changeSlot, openSlot } from "./vault.ts"

/** A provider's API key and the one place that it may be sent to. The caller wipes the key. */
export interface ProviderKey {
  readonly key: Uint8Array
  /** An origin or a socket, as the caller named it when the key was stored. */
  readonly goesTo: string
}

/**
 * The key for a provider's API, or null if none is kept. The caller must not send it anywhere but to
 * `goesTo`: what a config file names today is not what the owner gave the key for.
 *
 * @throws {@link AmcError} as {@link openSlot}
 */
export async function openProviderKey(
  vaultPath: string,
  passphrase: Uint8Array,
  name: string,
): Promise<ProviderKey | null> {
  return withMonitorSlot(vaultPath, passphrase, (secrets) => {
    const [key, goesTo] = [secrets.get(keyName(name)), secrets.get(placeName(name))]
    return key === undefined || goesTo === undefined
      ? null
      : { key: key.slice(), goesTo: text(goesTo) }
  })
}

/**
 * Where the key of each provider that has one may be sent to, without the keys.
 *
 * @throws {@link AmcError} as {@link openSlot}
 */
export async function keptProviderKeys(
  vaultPath: string,
  passphrase: Uint8Array,
): Promise<ReadonlyMap<string, string>> {
  return withMonitorSlot(vaultPath, passphrase, (secrets) => {
    const names = [...secrets.keys()].filter((name) => name.startsWith(keyName("")))
    const ids = names.map((name) => name.slice(keyName("").length))
    return new Map(
      ids.flatMap((id) => {
        const goesTo = secrets.get(placeName(id))
        return goesTo === undefined ? [] : [[id, text(goesTo)]]
      }),
    )
  })
}

/**
 * Keeps a provider's API key in the monitor's slot with the place that it is for, instead of an older
 * one of that name.
 *
 * @throws {@link AmcError} as {@link changeSlot}; `input/malformed` for an unusable name or an empty key
 */
export async function storeProviderKey(
  vaultPath: string,
  passphrase: Uint8Array,
  name: string,
  { key, goesTo }: ProviderKey,
): Promise<VaultState> {
  return changeSlot(vaultPath, "monitor", passphrase, (secrets) =>
    // A copy, since what is returned here is wiped.
    new Map(secrets).set(keyName(name), key.slice()).set(placeName(name), utf8(goesTo)),
  )
}

async function withMonitorSlot<T>(
  vaultPath: string,
  passphrase: Uint8Array,
  read: (secrets: Secrets) => T,
): Promise<T> {
  const secrets = await openSlot(vaultPath, "monitor", passphrase)
  try {
    return read(secrets)
  } finally {
    wipeSecrets(secrets)
  }
}

function keyName(name: string): string {
  return `provider/${name}`
}

/** Not `provider/<id>.…`, which could be another provider's id. */
function placeName(name: string): string {
  return `provider-place/${name}`
}
