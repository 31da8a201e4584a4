import { AmcError, type Signer } from "@amc/core"
import { laneKeySigner } from "./lane-key.ts"
import { privateKeySigner } from "./private-key.ts"
import { type Secrets, wipeSecrets } from "./secrets.ts"
import { openSlot } from "./vault.ts"

/** Names of the private keys inside their slots; `monitor` and `ledger` lie in the slot `monitor`, `auditor` and `release` in `auditor`. */
export const keyNames = {
  monitor: "key/monitor",
  ledger: "key/ledger",
  auditor: "key/auditor",
  release: "key/release",
  root: "key/root",
  witness: "key/witness",
} as const

/**
 * The signer of the lane's events and receipts, for the recorder's worker. Nothing else of the slot is
 * kept.
 *
 * @throws {@link AmcError} as {@link openSlot}
 */
export async function openLaneSigner(vaultPath: string, passphrase: Uint8Array): Promise<Signer> {
  const secrets = await openSlot(vaultPath, "monitor", passphrase)
  try {
    return await laneKeySigner(secretOf(secrets, keyNames.monitor))
  } finally {
    wipeSecrets(secrets)
  }
}

/** The signer of a named key among secrets. @throws {@link AmcError} `vault/locked` if it is not there */
export function signerOf(secrets: Secrets, name: string): Signer {
  return privateKeySigner(secretOf(secrets, name))
}

function secretOf(secrets: Secrets, name: string): Uint8Array {
  const key = secrets.get(name)
  if (key === undefined) throw new AmcError("vault/locked", `the slot has no ${name}`)
  return key
}
