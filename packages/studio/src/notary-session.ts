import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Keyring } from "@amc/core"
import {
  findUnlocked,
  type Notary,
  type NotaryTerms,
  startNotary,
  type UnlockedNotary,
  vaultPathOf,
} from "@amc/vault"
import { type Found, type VaultPlace, withPassphrases } from "./passphrase-source.ts"

/** A workspace whose keys are known, so that a notary with older ones is not used. */
interface CertifiedPlace extends VaultPlace {
  readonly keyring?: Keyring
}

export interface NotaryPlace extends CertifiedPlace {
  readonly dir: string
}

export type NotarySlot = "auditor" | "monitor"

/** A notary of a workspace, with a folder for sockets; closing it removes what was made for it. */
export interface OwnNotary {
  readonly notary: Notary
  readonly socketPath: string
  /** A private folder with a short path, fit for unix sockets. */
  readonly runDir: string
  close(): Promise<void>
}

/**
 * A notary with these slots open: the unlocked one, else one that is started for this command.
 *
 * @throws {@link AmcError} `vault/locked`, `vault/backing-off`, `vault/wrong-passphrase`, `notary/unavailable`
 */
export async function openNotary(
  place: NotaryPlace,
  slots: readonly NotarySlot[] = ["auditor", "monitor"],
): Promise<OwnNotary> {
  const unlocked = await findNotary(place, slots)
  if (unlocked !== null) return joinNotary(unlocked)
  return withPassphrases(place, slots, (found) => startOwnNotary(place, found))
}

/** The unlocked notary, if it has these slots and the command line names no passphrase for one of them. */
export async function findNotary(
  place: CertifiedPlace,
  slots: readonly NotarySlot[],
): Promise<UnlockedNotary | null> {
  const { workspace, state } = place
  if (slots.some((slot) => state.passphrases.names(slot))) return null
  const unlocked = await findUnlocked(state.unlockedPath(workspace))
  if (unlocked === null || !slots.every((slot) => unlocked.slots.includes(slot))) return null
  if (await hasKeysOfToday(unlocked, place)) return unlocked
  await unlocked.lock()
  return null
}

/** A rotation that was killed leaves a notary with keys that have ended, and what it signs would count for nothing. */
async function hasKeysOfToday(
  unlocked: UnlockedNotary,
  { keyring, state }: CertifiedPlace,
): Promise<boolean> {
  if (keyring === undefined) return true
  const notary = await unlocked.connect()
  try {
    const now = state.passphrases.clock()
    const held = [...(await notary.keys())]
    return held.every(([role, { kid }]) => keyring.keysNow(role, now).has(kid))
  } finally {
    await notary.close()
  }
}

/** Uses an unlocked notary, which goes on afterwards. @throws {@link AmcError} `notary/unavailable` */
export function joinNotary(unlocked: UnlockedNotary): Promise<OwnNotary> {
  return withFolder(unlocked.socketPath, () => unlocked.connect())
}

/** Starts a notary that ends with this command. @throws {@link AmcError} `vault/wrong-passphrase`, `notary/unavailable` */
export function startOwnNotary({ dir }: NotaryPlace, found: Found): Promise<OwnNotary> {
  const slots = [...found].map(([slot, passphrase]) => ({ slot, passphrase }))
  return withFolder(null, (socketPath) =>
    startNotary({
      vaultPath: vaultPathOf(dir),
      socketPath,
      slots: slots as NotaryTerms["slots"],
    }),
  )
}

async function withFolder(
  socketPath: string | null,
  open: (socketPath: string) => Promise<Notary>,
): Promise<OwnNotary> {
  const runDir = mkdtempSync(join(tmpdir(), "amc-"))
  const path = socketPath ?? join(runDir, "notary", "socket")
  try {
    const notary = await open(path)
    return { notary, socketPath: path, runDir, close: () => closeAll(notary, runDir) }
  } catch (error) {
    rmSync(runDir, { recursive: true, force: true })
    throw error
  }
}

/** Has something signed by the auditor with a notary that is closed afterwards, whatever happens. */
export async function withNotary<T>(
  place: NotaryPlace,
  use: (notary: Notary) => Promise<T>,
): Promise<T> {
  const own = await openNotary(place, ["auditor"])
  try {
    return await use(own.notary)
  } finally {
    await own.close()
  }
}

async function closeAll(notary: Notary, runDir: string): Promise<void> {
  await notary.close()
  rmSync(runDir, { recursive: true, force: true })
}
