import { join } from "node:path"
import { utf8 } from "@amc/core"
import { onTestFinished } from "vitest"
import { temporaryFolder } from "./folder.fixture.ts"
import { lowestKdfCost } from "./kdf.ts"
import { generatePrivateKey } from "./private-key.ts"
import { findUnlocked, unlockNotary, type UnlockedNotary } from "./unlocked-notary.ts"
import { createVault } from "./vault.ts"

export const passphrases = { auditor: utf8("the auditor's"), monitor: utf8("the monitor's") }

/** A vault with the keys that a notary needs, and where it may be said to be unlocked. */
export interface UnlockPlace {
  readonly vaultPath: string
  readonly unlockPath: string
}

export async function newUnlockPlace(): Promise<UnlockPlace> {
  const folder = temporaryFolder()
  const keys = (...names: string[]): Map<string, Uint8Array> =>
    new Map(names.map((name) => [`key/${name}`, generatePrivateKey()]))
  const slots = {
    auditor: { passphrase: passphrases.auditor, secrets: keys("auditor", "release") },
    monitor: { passphrase: passphrases.monitor, secrets: keys("monitor", "ledger") },
  }
  const vaultPath = join(folder, "vault.amcvault")
  await createVault(vaultPath, slots, lowestKdfCost)
  return { vaultPath, unlockPath: join(folder, "unlocked.json") }
}

/** Unlocks for an hour if no time is given; what is left of it is locked after the test. */
export async function unlockPlace(
  place: UnlockPlace,
  names: readonly ("auditor" | "monitor")[] = ["auditor", "monitor"],
  untilMs: number = hence(3_600_000),
): Promise<UnlockedNotary> {
  const slots = names.map((slot) => ({ slot, passphrase: passphrases[slot] }))
  const unlocked = await unlockNotary({ ...place, untilMs, slots })
  onTestFinished(async () => void (await (await findUnlocked(place.unlockPath))?.lock()))
  return unlocked
}

/** A time that the notary's own clock reaches. */
export function hence(ms: number): number {
  // oxlint-disable-next-line no-restricted-globals
  return Date.now() + ms
}
